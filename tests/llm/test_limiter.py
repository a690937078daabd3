import asyncio
import math
from collections import deque
from collections.abc import Callable
from random import Random

import pytest

from flows.errors import TransientLLMError
from flows.llm.policy import CallPolicy
from flows.llm.resilient import Resilient
from flows.llm.types import ChatRequest, Completion
from tests.llm.virtual import run_virtual


class Machine:
    """A server in virtual time; what it gives a request is told by `serve`."""

    model = "m"

    def __init__(self, serve: Callable[["Machine"], float | None], slots: int) -> None:
        self.serve, self.now = serve, 0
        self.slots = slots
        self.waiting: deque[asyncio.Future[None]] = deque()
        self.refused = 0

    async def complete(self, request: ChatRequest) -> Completion:
        seconds = self.serve(self)
        if seconds is None:
            self.refused += 1
            await asyncio.sleep(0.02)
            raise TransientLLMError("slow down", kind="rate_limit", status=429)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append(turn)
        self.let_in()
        await turn
        await asyncio.sleep(seconds)
        self.now -= 1
        self.let_in()
        return Completion("x")

    def let_in(self) -> None:
        while self.waiting and self.now < self.slots:
            self.now += 1
            self.waiting.popleft().set_result(None)

    async def aclose(self) -> None: ...


def limits_over(machine: Callable[[], Machine], policy: CallPolicy, requests: int) -> tuple[list[int], float, int]:
    """Send requests; give the limit after each answer, the seconds they took and how many were refused."""

    async def main() -> tuple[list[int], float, int]:
        inner = machine()
        client, limits, left = Resilient([inner], policy, rng=Random(1)), [], iter(range(requests))

        async def worker() -> None:
            for _ in left:
                await client.complete(ChatRequest(()))
                limits.append(client.traffic.limit)

        await asyncio.gather(*[worker() for _ in range(policy.concurrency * 3 // 2)])
        return limits, asyncio.get_running_loop().time(), inner.refused

    return run_virtual(main())


def lengths(spread: float) -> Callable[[Machine], float]:
    """Replies of log-normal length, in seconds, half of them longer than 1."""
    random = Random(7)
    return lambda machine: math.exp(random.gauss(0, spread))


def test_a_fixed_limit_is_held():
    limits, _, _ = limits_over(lambda: Machine(lengths(1), 4), CallPolicy(concurrency=32, adaptive=False), 500)
    assert set(limits) == {32}


@pytest.mark.parametrize("spread", [0.0, 0.5, 1.46], ids=["even", "usual", "p99 is 30 times p50"])
def test_a_server_with_room_is_filled_and_stays_so(spread: float):
    limits, _, _ = limits_over(lambda: Machine(lengths(spread), 1000), CallPolicy(concurrency=64), 3000)
    assert limits.index(64) < 64 * 3
    assert sum(limits[200:]) / len(limits[200:]) > 60


@pytest.mark.parametrize("spread", [0.0, 0.5, 1.46], ids=["even", "usual", "p99 is 30 times p50"])
def test_a_server_that_only_queues_is_not_flooded(spread: float):
    policy, held = CallPolicy(concurrency=256), CallPolicy(concurrency=256, adaptive=False)
    limits, seconds, _ = limits_over(lambda: Machine(lengths(spread), 64), policy, 4000)
    _, best, _ = limits_over(lambda: Machine(lengths(spread), 64), held, 4000)
    settled = limits[2000:]
    assert 64 <= sum(settled) / len(settled) < 140
    assert seconds < 1.03 * best


@pytest.mark.parametrize("spread", [0.0, 0.5, 1.0, 1.46])
def test_a_small_server_is_held_near_its_slots_and_as_busy_as_when_flooded(spread: float):
    policy, held = CallPolicy(concurrency=256), CallPolicy(concurrency=256, adaptive=False)
    limits, seconds, _ = limits_over(lambda: Machine(lengths(spread), 16), policy, 4000)
    _, best, _ = limits_over(lambda: Machine(lengths(spread), 16), held, 4000)
    settled = limits[2000:]
    assert 16 <= sum(settled) / len(settled) < 16 * 2.5
    assert seconds < 1.03 * best


@pytest.mark.parametrize("spread", [0.0, 0.5, 1.46])
def test_capacity_that_changes_in_mid_run_is_followed_down_and_up(spread: float):
    async def main() -> None:
        machine = Machine(lengths(spread), 64)
        client = Resilient([machine], CallPolicy(concurrency=256), rng=Random(1))

        async def worker() -> None:
            while True:
                await client.complete(ChatRequest(()))

        async def average(seconds: int) -> tuple[float, float]:
            """Limit and answers a second over so many seconds."""
            before, limits = client.traffic.answered, []
            for _ in range(seconds):
                await asyncio.sleep(1)
                limits.append(client.traffic.limit)
            return sum(limits) / seconds, (client.traffic.answered - before) / seconds

        tasks = [asyncio.create_task(worker()) for _ in range(300)]
        mean = math.exp(spread**2 / 2)
        for slots in (64, 16, 128):
            machine.slots = slots
            machine.let_in()
            await asyncio.sleep(150 * mean)
            limit, rate = await average(200)
            assert slots * 0.9 < limit < slots * 2.5
            assert rate * mean > 0.9 * slots
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    run_virtual(main())


def test_the_start_costs_little_and_nothing_later():
    _, seconds, _ = limits_over(lambda: Machine(lambda machine: 0.2, 256), CallPolicy(concurrency=256), 10_000)
    assert seconds < 1.05 * (10_000 / 256 * 0.2)


def test_the_limit_settles_where_refusals_begin():
    limits, seconds, refused = limits_over(
        lambda: Machine(lambda machine: 1.0 if machine.now < 20 else None, 1000), CallPolicy(concurrency=64), 3000
    )
    settled = limits[300:]
    assert 17 <= sum(settled) / len(settled) <= 24
    assert refused < 0.2 * 3000
    assert seconds < 1.15 * 3000 / 20


def test_when_all_is_refused_one_request_at_a_time_still_tries():
    policy = CallPolicy(concurrency=64)

    def opens_late(machine: Machine) -> float | None:
        return 0.1 if asyncio.get_running_loop().time() > 60 else None

    limits, _, _ = limits_over(lambda: Machine(opens_late, 1000), policy, 2000)
    assert limits[0] <= 2
    assert limits[-1] > 16
