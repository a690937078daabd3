import asyncio

import pytest

from flows.errors import FatalLLMError
from flows.llm.gate import Gate
from flows.llm.lane import Lane
from flows.llm.policy import CallPolicy
from flows.llm.scripted import Scripted
from tests.llm.virtual import run_virtual


def lane_of(concurrency: int) -> Lane:
    return Lane(Scripted(lambda request: "x"), CallPolicy(concurrency=concurrency, adaptive=False))


def fixed(concurrency: int) -> tuple[Gate, Lane]:
    lane = lane_of(concurrency)
    return Gate([lane]), lane


async def test_places_go_to_those_who_wait_longest():
    (gate, lane), order = fixed(2), []

    async def visit(name: int) -> None:
        place = await gate.enter()
        order.append(name)
        assert lane.traffic.in_flight <= 2
        await asyncio.sleep(0)
        gate.leave(*place)

    await asyncio.gather(*[visit(name) for name in range(20)])
    assert order == list(range(20))
    assert lane.traffic.in_flight == 0


async def test_one_who_gives_up_waiting_takes_no_place():
    gate, lane = fixed(1)
    first = await gate.enter()
    waiting = [asyncio.create_task(gate.enter()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    gate.leave(*first)  # hands the place to the second
    waiting[1].cancel()  # who has it, but has not run since
    await asyncio.wait(waiting, return_when=asyncio.ALL_COMPLETED)
    assert [task.cancelled() for task in waiting] == [True, True, False]
    assert lane.traffic.in_flight == 1


async def test_after_all_who_waited_gave_up_the_next_gets_in():
    gate, lane = fixed(1)
    first = await gate.enter()
    waiting = asyncio.create_task(gate.enter())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    gate.leave(*first)
    await asyncio.wait_for(gate.enter(), 1)
    assert lane.traffic.in_flight == 1


def test_a_pause_holds_for_all_and_the_longest_counts():
    async def main() -> list[float]:
        (gate, lane), entered = fixed(4), []

        async def visit() -> None:
            gate.leave(*await gate.enter())
            entered.append(asyncio.get_running_loop().time())

        lane.pause(5, gate.hand_out)
        lane.pause(9, gate.hand_out)
        lane.pause(2, gate.hand_out)
        await asyncio.gather(*[visit() for _ in range(6)])
        return entered

    assert run_virtual(main()) == [9.0] * 6


def test_a_closed_door_wakes_those_who_wait_and_those_who_rest():
    async def main() -> float:
        gate, lane = fixed(1)
        await gate.enter()
        lane.pause(100, gate.hand_out)
        outside = [asyncio.create_task(wait) for wait in (gate.enter(), gate.enter(), gate.rest(100))]
        await asyncio.sleep(1)
        gate.shut(FatalLLMError("no key"))
        gate.shut(FatalLLMError("a later one"))
        results = [*await asyncio.gather(*outside, return_exceptions=True)]
        with pytest.raises(FatalLLMError):
            await gate.enter()
        assert [str(result) for result in results] == ["no key"] * 3
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 1.0


async def test_each_goes_where_there_is_most_room():
    small, large = lane_of(2), lane_of(8)
    gate = Gate([small, large])
    places = [await gate.enter() for _ in range(10)]
    assert (small.traffic.in_flight, large.traffic.in_flight) == (2, 8)
    assert [lane is small for lane, _ in places[:6]] == [True, False, False, False, False, True]


async def test_who_failed_at_one_waits_for_another_and_lets_others_pass():
    left, right = lane_of(1), lane_of(1)
    gate = Gate([left, right])
    in_left, in_right = await gate.enter(), await gate.enter()
    failed = asyncio.create_task(gate.enter(avoid=left))
    await asyncio.sleep(0)
    fresh = asyncio.create_task(gate.enter())
    await asyncio.sleep(0)
    gate.leave(*in_left)
    await asyncio.sleep(0)
    assert (failed.done(), fresh.done()) == (False, True)
    gate.leave(*in_right)
    assert (await failed)[0] is right


@pytest.mark.parametrize("shut", [True, False], ids=["the other is paused", "there is no other"])
async def test_who_failed_at_one_goes_there_again_when_no_other_is_open(shut: bool):
    left, right = lane_of(1), lane_of(1)
    gate = Gate([left, right] if shut else [left])
    right.pause(100, gate.hand_out)
    assert (await gate.enter(avoid=left))[0] is left
    gate.shut(FatalLLMError("end"))


def test_a_pause_of_one_lane_leaves_the_other_open():
    async def main() -> None:
        left, right = lane_of(4), lane_of(4)
        gate = Gate([left, right])
        left.pause(10, gate.hand_out)
        assert [(await gate.enter())[0] is right for _ in range(4)] == [True] * 4
        assert gate.wait == 0
        assert (await gate.enter())[0] is left
        assert asyncio.get_running_loop().time() == 10

    run_virtual(main())
