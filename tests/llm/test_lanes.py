"""Several endpoints of one model: load, faults and returns, in virtual time."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from flows.errors import FatalLLMError, RejectedLLMError, StoppedError
from flows.llm.policy import CallPolicy
from flows.llm.resilient import Resilient, SilentError
from flows.llm.traffic import lanes_of, traffic_of
from flows.llm.types import ChatRequest, Completion
from tests.llm.test_resilient import HELLO, failure, now
from tests.llm.virtual import run_virtual

Say = Callable[[float], Exception | None]


class Node:
    """An endpoint with `slots`, a queue before them, and failures told by the time of day."""

    model = "m"

    def __init__(self, slots: int, seconds: float = 1.0, say: Say = lambda time: None, quick: float = 0.01) -> None:
        self.slots, self.seconds, self.say, self.quick = asyncio.Semaphore(slots), seconds, say, quick
        self.came: list[float] = []
        self.answered = 0

    async def complete(self, request: ChatRequest) -> Completion:
        self.came.append(now())
        if error := self.say(now()):
            await asyncio.sleep(self.quick)
            raise error
        async with self.slots:
            await asyncio.sleep(self.seconds)
        self.answered += 1
        return Completion("x", tokens_in=2, tokens_out=1)

    async def aclose(self) -> None: ...


def lanes(nodes: Sequence[Node], **policy: Any) -> Resilient:
    return Resilient(nodes, CallPolicy(**{"concurrency": 16, **policy}), rng=Random(1))


async def ask(client: Resilient, requests: int, width: int = 100) -> float:
    """Seconds for so many requests, `width` at a time."""
    started, left = now(), iter(range(requests))

    async def worker() -> None:
        for _ in left:
            await client.complete(HELLO)

    await asyncio.gather(*[worker() for _ in range(width)])
    return now() - started


def between(start: float, end: float, kind: str = "unreachable") -> Say:
    return lambda time: failure(kind) if start <= time < end else None


def test_load_is_shared_by_what_each_endpoint_serves():
    async def main() -> None:
        nodes = [Node(16, 1.0), Node(16, 4.0)]
        client = lanes(nodes, adaptive=False)
        assert await ask(client, 2000) < 1.05 * 2000 / (16 / 1.0 + 16 / 4.0)
        assert nodes[0].answered == pytest.approx(1600, rel=0.05)

    run_virtual(main())


def test_few_requests_are_spread_as_well():
    async def main() -> None:
        nodes = [Node(16), Node(16), Node(16)]
        await ask(lanes(nodes), 300, width=6)
        assert [node.answered for node in nodes] == [100] * 3

    run_virtual(main())


def test_counters_are_kept_by_endpoint_and_in_all():
    async def main() -> None:
        nodes = [Node(16), Node(16, say=between(0, 3, "server_error"))]
        nodes[0].endpoint, nodes[1].endpoint = Address("http://a/v1"), Address("http://b/v1")
        client = lanes(nodes)
        await ask(client, 200)
        parts, whole = lanes_of(client), traffic_of(client)
        assert [*parts] == ["http://a/v1", "http://b/v1"]
        assert whole.answered == sum(part.answered for part in parts.values()) == 200
        assert (whole.tokens_in, whole.tokens_out, whole.in_flight) == (400, 200, 0)
        assert whole.sent == sum(part.sent for part in parts.values()) == 200 + whole.retries.total()
        assert not parts["http://a/v1"].retries
        assert whole.retries == parts["http://b/v1"].retries
        assert set(whole.retries) == {"server_error"}

    run_virtual(main())


class Address:
    def __init__(self, url: str) -> None:
        self.url = url


@pytest.mark.parametrize("kind", ["unreachable", "overloaded", "server_error", "reset", "bad_body"])
def test_an_endpoint_that_dies_costs_nothing_but_its_share_and_comes_back(kind: str, caplog):
    async def main() -> None:
        nodes = [Node(16), Node(16, say=between(30, 90, kind))]
        client = lanes(nodes, attempts=2)
        with caplog.at_level(logging.WARNING):
            seconds = await ask(client, 3200)
        assert client.traffic.answered == 3200
        assert seconds < 1.08 * (30 + 60 + (3200 - 30 * 32 - 60 * 16) / 32)
        tries = [came for came in nodes[1].came if 30 <= came < 90]
        assert len(tries) < 16 + 12  # what was in flight, then one at a time, more and more rarely
        assert max(after - before for before, after in pairwise(tries)) > 10
        assert nodes[1].answered > 1000
        said = [record.message for record in caplog.records]
        assert [line.split("; ")[-1] for line in said] == [
            "other endpoints carry the load until it answers",
            "Node answers again",
        ]

    run_virtual(main())


def test_a_hanging_endpoint_is_left_after_one_round_of_timeouts():
    async def main() -> None:
        nodes = [Node(16), Node(16, say=lambda time: failure("timeout"), quick=300.0)]
        client = lanes(nodes)
        await ask(client, 1600 * 6)
        assert client.traffic.answered == 9600
        assert len(nodes[1].came) < 16 + 6

    run_virtual(main())


def test_a_retry_after_pauses_its_own_endpoint_only():
    async def main() -> None:
        nodes = [Node(16), Node(16, say=lambda time: failure("rate_limit", 50.0) if time < 1 else None)]
        client = lanes(nodes, max_stall=20.0)
        await ask(client, 1600)
        assert [came for came in nodes[1].came if 1 < came < 50] == []
        assert nodes[1].answered > 100
        assert sum(came < 50 for came in nodes[0].came) > 16 * 45

    run_virtual(main())


def test_when_all_ask_to_wait_longer_than_the_run_may_stall_it_stops():
    async def main() -> None:
        nodes = [Node(16, say=lambda time: failure("rate_limit", 500.0)) for _ in range(2)]
        with pytest.raises(StoppedError, match="asks to wait 500 s"):
            await lanes(nodes, max_stall=60.0).complete(HELLO)
        assert now() < 5

    run_virtual(main())


def test_a_fatal_error_takes_one_endpoint_out_and_the_last_one_ends_the_run(caplog):
    async def main() -> None:
        def expires(at: float) -> Say:
            return lambda time: FatalLLMError(f"key expired at {at}") if time >= at else None

        nodes = [Node(16, say=expires(10)), Node(16, say=expires(40))]
        client = lanes(nodes)
        with caplog.at_level(logging.WARNING):
            results = await asyncio.gather(*[client.complete(HELLO) for _ in range(3000)], return_exceptions=True)
        done = sum(isinstance(result, Completion) for result in results)
        assert done == nodes[0].answered + nodes[1].answered
        assert 16 * 10 + 16 * 35 < done < 16 * 10 + 16 * 45
        assert {str(result) for result in results if isinstance(result, Exception)} == {
            "stopped: key expired at 40 Then run again to continue."
        }
        assert [record.message for record in caplog.records] == [
            "key expired at 10; the run goes on without this endpoint"
        ]
        with pytest.raises(StoppedError):
            await client.complete(HELLO)

    run_virtual(main())


def test_when_every_endpoint_is_gone_the_run_stops_in_bounded_time():
    async def main() -> None:
        nodes = [Node(16, say=between(5, 1e9)), Node(16, say=between(20, 1e9, "overloaded"))]
        client = lanes(nodes, max_stall=60.0)
        results = await asyncio.gather(*[client.complete(HELLO) for _ in range(3000)], return_exceptions=True)
        assert {type(result) for result in results} == {Completion, SilentError}
        assert 80 <= now() < 110

    run_virtual(main())


def test_when_every_endpoint_was_gone_and_all_come_back_the_run_is_soon_at_full_speed():
    async def main() -> None:
        nodes = [Node(16, say=between(20, 60)), Node(16, say=between(25, 80))]
        client = lanes(nodes, max_stall=100.0)
        seconds = await ask(client, 3200)
        assert client.traffic.answered == 3200
        lone = 16 * 5 + 16 * 20
        assert seconds < 80 + 20 + (3200 - 32 * 20 - lone) / 32 * 1.08

    run_virtual(main())


def test_one_poisoned_request_is_tried_everywhere_and_given_up_alone():
    class Picky(Node):
        async def complete(self, request: ChatRequest) -> Completion:
            if request.prompt == "poison":
                self.came.append(now())
                raise failure("server_error")
            return await super().complete(request)

    async def main() -> None:
        nodes = [Picky(16), Picky(16)]
        client = lanes(nodes, attempts=4)
        work = asyncio.create_task(ask(client, 300, width=8))
        with pytest.raises(RejectedLLMError, match="unanswered after 4 tries"):
            await client.complete(ChatRequest((), prompt="poison"))
        await work
        assert client.traffic.answered == 300
        assert client.traffic.sent == 304

    run_virtual(main())
