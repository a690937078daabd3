import asyncio

import pytest

from flows.domain.units import Unit
from flows.stages.generate import Slots
from flows.stages.plan import (
    FIRST_ROUND,
    LONGEST_ROUND,
    Ask,
    Planning,
    allowed,
    read_plan,
    read_rounds,
    request_cap,
    within_cap,
    write_round,
)
from flows.store.layout import Layout
from tests.llm.virtual import run_virtual


def units(family, count):
    return [Unit("generate", family, slot, 0, "e5/sts", {"sample": slot + 1}) for slot in range(count)]


def test_rounds_come_back_as_they_were_planned(tmp_path):
    layout = Layout(tmp_path)
    first = write_round(layout, "generate", map(Ask, units("a", 5)), shard_units=2, rows=5)
    second = write_round(layout, "generate", [Ask(units("b", 1)[0], calls=1)], shard_units=2, rows=5)
    assert read_rounds(layout, "generate") == [first, second]
    assert ([*first.numbers], [*second.numbers], first.units) == ([0, 1, 2], [3], 5)
    planned = [ask for shard in first.numbers for ask in read_plan(layout, "generate", shard)]
    assert planned == [Ask(unit) for unit in units("a", 5)]
    assert read_plan(layout, "generate", 3)[0].calls == 1


def test_plans_without_their_round_do_not_count(tmp_path):
    layout = Layout(tmp_path)
    write_round(layout, "generate", map(Ask, units("a", 5)), shard_units=2, rows=5)
    layout.round("generate", 0).unlink()
    again = write_round(layout, "generate", map(Ask, units("a", 3)), shard_units=2, rows=5)
    assert (read_rounds(layout, "generate"), [*again.numbers]) == ([again], [0, 1])


@pytest.mark.parametrize(
    ("left", "asked", "calls"),
    [(20, 10, 2), (19, 10, 1), (10, 10, 1), (4, 4, 1), (0, 0, None)],
)
def test_the_cap_holds_even_if_every_unit_is_asked_twice(left, asked, calls):
    asks = list(within_cap(units("a", 10), {"a": 10}, {"a": left}))
    assert len(asks) == asked
    assert {ask.calls for ask in asks} == ({calls} if calls else set())
    assert sum(ask.calls for ask in asks) <= left


def test_a_tiny_family_may_still_ask_a_few_times():
    assert (request_cap(1, 2.0), request_cap(100, 2.0), request_cap(100, 1.5)) == (8, 200, 150)


def test_slots_know_what_is_missing():
    slots = Slots.empty({"a": 3, "b": 1})
    slots.fill("a", 1)
    slots.fill("b", 0)
    assert slots.missing == {"a": 2}
    assert [slots.is_open(unit) for unit in units("a", 3)] == [True, False, True]


def begin(layout, count, **changes):
    planning = Planning()
    asks = within_cap(units("a", count), {"a": count}, {"a": 2 * count})
    given = {"units": count, "shard_units": 300, "rows": count, **changes}
    return planning, planning.begin(layout, "generate", asks, **given)


async def test_what_is_beyond_the_first_units_is_planned_while_they_are_asked(tmp_path):
    layout, count = Layout(tmp_path), 3 * LONGEST_ROUND + 1000
    planning, number = begin(layout, count)
    first = await planning.planned(number)
    assert (first.units, first.shards, planning.units) == (600, 2, count)  # whole shards of 300
    assert read_rounds(layout, "generate") == [first]
    shards = [shard async for shard in planning.shards(first)]
    rounds = read_rounds(layout, "generate")
    assert [planned.number for planned in rounds] == [*range(len(rounds))]
    longest = 16_500  # as many as were planned before, until that is too many
    assert [planned.units for planned in rounds] == [600, 600, 1200, 2400, 4800, 9600, longest, count - 35_700]
    assert shards == [shard for planned in rounds for shard in planned.numbers]
    asked = [ask.unit for shard in shards for ask in read_plan(layout, "generate", shard)]
    assert asked == units("a", count)


async def test_a_round_that_was_there_before_is_not_planned(tmp_path):
    layout = Layout(tmp_path)
    earlier = write_round(layout, "generate", map(Ask, units("a", 5)), shard_units=2, rows=5)
    planning, number = begin(layout, 10)
    assert (number, await planning.planned(earlier.number)) == (1, None)
    planned = await planning.planned(number)
    assert read_rounds(layout, "generate") == [earlier, planned]


@pytest.mark.parametrize(("awaited", "seconds"), [(False, 6 * 0.64), (True, 0.64)])
def test_planning_beside_those_who_ask_leaves_them_most_of_the_time(awaited, seconds):
    async def draw():
        loop = asyncio.get_running_loop()

        def slowly():
            for unit in units("a", 100):
                loop.pass_time(0.01)
                yield Ask(unit)

        planning = Planning()
        planning._asks, planning._awaited = slowly(), awaited
        assert len(await planning._draw_beside(64)) == 64
        return loop.time()

    assert run_virtual(draw()) == pytest.approx(seconds)


async def test_planning_that_is_cut_short_leaves_whole_rounds_alone(tmp_path):
    layout = Layout(tmp_path)
    planning, number = begin(layout, 20_000)
    first = await planning.planned(number)
    shards = planning.shards(first)
    assert await anext(shards) == 0
    for _ in range(1000):
        await asyncio.sleep(0.001)
        if begun := layout.plan("generate", first.shards).exists():
            break
    await shards.aclose()
    assert begun
    assert read_rounds(layout, "generate") == [first]


async def test_the_first_round_has_what_is_asked_together(tmp_path):
    count = FIRST_ROUND + 1000
    planning, number = begin(Layout(tmp_path), count, least=count)
    assert (await planning.planned(number)).units == count


async def test_nothing_to_ask_is_no_round(tmp_path):
    assert begin(Layout(tmp_path), 0)[1] is None
    assert read_rounds(Layout(tmp_path), "generate") == []


@pytest.mark.parametrize("left", [0, 3, 9, 10, 15, 19, 20, 99])
def test_how_many_units_pass_is_known_before(left):
    passed = list(within_cap([*units("a", 10), *units("b", 2)], {"a": 10, "b": 2}, {"a": left, "b": 4}))
    assert allowed({"a": 10, "b": 2}, {"a": left, "b": 4}) == {
        "a": sum(ask.unit.family == "a" for ask in passed),
        "b": 2,
    }
