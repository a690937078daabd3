import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from flows.errors import FatalLLMError, RejectedLLMError, StoppedError, TransientLLMError
from flows.llm.policy import CallPolicy
from flows.llm.resilient import Resilient, SilentError
from flows.llm.types import ChatRequest, Completion
from tests.llm.virtual import run_virtual

HELLO = ChatRequest((), prompt="hello")


def now() -> float:
    return asyncio.get_running_loop().time()


def failure(kind: str, retry_after: float | None = None) -> TransientLLMError:
    return TransientLLMError(f"it is {kind}", kind=kind, retry_after=retry_after)


class Model:
    """Answers after `latency` seconds what `say` gives for the request and its count; an exception is raised."""

    model = "m"

    def __init__(self, say: Callable[[ChatRequest, int], Any], latency: float = 0.0) -> None:
        self.say, self.latency, self.sent, self.closed = say, latency, [], False

    async def complete(self, request: ChatRequest) -> Completion:
        self.sent.append(now())
        count = len(self.sent)
        await asyncio.sleep(self.latency)
        said = self.say(request, count)
        if isinstance(said, Exception):
            raise said
        return Completion(said or "fine", tokens_in=5, tokens_out=2)

    async def aclose(self) -> None:
        self.closed = True


def resilient(model: Model, **policy: Any) -> Resilient:
    return Resilient([model], CallPolicy(**policy), rng=Random(1))


def first(*failures: Exception) -> Callable[[ChatRequest, int], Exception | None]:
    """Fail so first, then answer."""
    return lambda request, count: failures[count - 1] if count <= len(failures) else None


def test_an_answer_passes_and_is_counted():
    async def main() -> None:
        client = resilient(Model(lambda request, count: "hi"))
        assert (await client.complete(HELLO)).text == "hi"
        traffic = client.traffic
        assert (client.model, traffic.sent, traffic.answered, traffic.in_flight) == ("m", 1, 1, 0)
        assert (traffic.tokens_in, traffic.tokens_out, traffic.limit) == (5, 2, 64)

    run_virtual(main())


@pytest.mark.parametrize(
    "kind", ["rate_limit", "overloaded", "unreachable", "timeout", "reset", "server_error", "bad_body", "error"]
)
def test_what_may_pass_is_tried_again_and_counted_by_kind(kind: str):
    async def main() -> None:
        client = resilient(Model(first(failure(kind), failure(kind))))
        assert (await client.complete(HELLO)).text == "fine"
        assert client.traffic.retries == {kind: 2}

    run_virtual(main())


def test_waits_are_drawn_from_ranges_that_double_up_to_the_cap():
    async def main() -> list[float]:
        model = Model(first(*[failure("rate_limit")] * 200))
        await resilient(model, backoff=1.0, backoff_cap=8.0, max_stall=10_000).complete(HELLO)
        return [after - before for before, after in zip(model.sent, model.sent[1:], strict=False)]

    waits = run_virtual(main())
    assert [wait <= widest for wait, widest in zip(waits, [1, 2, 4, 8, 8], strict=False)] == [True] * 5
    assert 7 < max(waits) <= 8
    assert 3 < sum(waits[5:]) / len(waits[5:]) < 5
    assert waits[2] > 0


def test_the_time_a_server_asks_for_holds_for_every_request():
    async def main() -> list[float]:
        model = Model(lambda request, count: failure("rate_limit", 30.0) if count == 1 else None, latency=1.0)
        client = resilient(model)

        async def later() -> None:
            await asyncio.sleep(5)
            await client.complete(HELLO)

        await asyncio.gather(client.complete(HELLO), later())
        return model.sent

    assert run_virtual(main()) == [0.0, 31.0, 31.0]


def test_those_who_wait_hold_no_place():
    async def main() -> None:
        def say(request: ChatRequest, count: int) -> Exception | None:
            return failure("server_error") if request.prompt == "bad" and count <= 3 else None

        model = Model(say)
        client = resilient(model, concurrency=1, backoff=20.0, backoff_cap=20.0)
        bad = asyncio.create_task(client.complete(ChatRequest((), prompt="bad")))
        await asyncio.sleep(0.001)
        assert client.traffic.in_flight == 0
        started = now()
        await client.complete(HELLO)
        assert now() == started
        await bad

    run_virtual(main())


def test_one_bad_request_is_given_up_while_the_others_are_answered():
    async def main() -> None:
        model = Model(lambda request, count: failure("server_error") if request.prompt == "bad" else None)
        client = resilient(model, attempts=4)
        with pytest.raises(RejectedLLMError, match="unanswered after 4 tries: it is server_error") as caught:
            await client.complete(ChatRequest((), prompt="bad"))
        assert caught.value.reason == "unanswered"
        assert len(model.sent) == 4
        await client.complete(HELLO)
        assert (client.traffic.rejected, client.traffic.answered) == (1, 1)

    run_virtual(main())


@pytest.mark.parametrize("kind", ["rate_limit", "overloaded", "unreachable"])
def test_the_servers_own_trouble_is_not_held_against_a_request(kind: str):
    async def main() -> None:
        client = resilient(Model(first(*[failure(kind)] * 15)), attempts=2)
        assert (await client.complete(HELLO)).text == "fine"

    run_virtual(main())


@pytest.mark.parametrize("kind", ["rate_limit", "unreachable", "server_error", "reset", "timeout"])
def test_a_server_that_stays_silent_stops_the_run_in_bounded_time(kind: str):
    async def main() -> float:
        model = Model(lambda request, count: failure(kind), latency=0.1)
        client = resilient(model, max_stall=60.0)
        results = await asyncio.gather(*[client.complete(HELLO) for _ in range(100)], return_exceptions=True)
        assert {type(result) for result in results} == {SilentError}
        assert "Run again to continue" in str(results[0])
        sent = len(model.sent)
        with pytest.raises(StoppedError):
            await client.complete(HELLO)
        assert len(model.sent) == sent
        return now()

    assert 60 <= run_virtual(main()) < 90


def test_a_restart_of_the_server_costs_no_request():
    async def main() -> None:
        model = Model(lambda request, count: failure("unreachable") if 2 < now() < 62 else None, latency=0.5)
        client = resilient(model, attempts=2, max_stall=120.0)
        results = await asyncio.gather(*[client.complete(HELLO) for _ in range(300)])
        assert len(results) == client.traffic.answered == 300

    run_virtual(main())


def test_a_wait_longer_than_the_run_may_stall_stops_it_at_once():
    async def main() -> None:
        client = resilient(Model(lambda request, count: failure("rate_limit", 3600.0)), max_stall=300.0)
        with pytest.raises(StoppedError, match="asks to wait 3600 s"):
            await client.complete(HELLO)
        assert now() == 0

    run_virtual(main())


def test_answers_in_between_keep_a_poor_server_going():
    async def main() -> None:
        random = Random(3)
        model = Model(lambda request, count: failure("rate_limit") if random.random() < 0.9 else None, latency=0.1)
        client = resilient(model, max_stall=60.0, backoff_cap=2.0)
        await asyncio.gather(*[client.complete(HELLO) for _ in range(300)])
        assert client.traffic.answered == 300

    run_virtual(main())


def test_after_a_fatal_error_nothing_more_is_sent_but_answers_on_their_way_arrive():
    async def main() -> None:
        def say(request: ChatRequest, count: int) -> Exception | None:
            return FatalLLMError("key expired") if request.prompt == "expired" else None

        model = Model(say, latency=1.0)
        client = resilient(model, concurrency=2, adaptive=False)
        expired = asyncio.create_task(client.complete(ChatRequest((), prompt="expired")))
        await asyncio.sleep(0.5)
        under_way = asyncio.create_task(client.complete(HELLO))
        await asyncio.sleep(0.1)
        waiting = asyncio.create_task(client.complete(HELLO))
        results = await asyncio.gather(under_way, expired, waiting, return_exceptions=True)
        assert isinstance(results[0], Completion)
        assert [str(result) for result in results[1:]] == ["key expired"] * 2
        assert len(model.sent) == 2

    run_virtual(main())


def test_a_rejection_passes_and_shows_that_the_server_is_well():
    async def main() -> None:
        def say(request: ChatRequest, count: int) -> Exception:
            filtered = RejectedLLMError("filtered", reason="content_filter")
            return filtered if count % 2 == 0 else failure("rate_limit")

        client = resilient(Model(say, latency=20.0), max_stall=30.0)
        for _ in range(5):
            with pytest.raises(RejectedLLMError, match="filtered"):
                await client.complete(HELLO)
        assert client.traffic.rejected == 5

    run_virtual(main())


@pytest.mark.parametrize("cut_off", [asyncio.CancelledError, ZeroDivisionError], ids=["cancelled", "bug"])
def test_a_place_is_given_back_however_a_call_ends(cut_off: type[BaseException]):
    class Odd(Model):
        async def complete(self, request: ChatRequest) -> Completion:
            if request.prompt == "odd":
                raise cut_off
            return await super().complete(request)

    async def main() -> None:
        client = resilient(Odd(lambda request, count: None), concurrency=1)
        with pytest.raises(cut_off):
            await client.complete(ChatRequest((), prompt="odd"))
        assert (await client.complete(HELLO)).text == "fine"
        assert client.traffic.in_flight == 0

    run_virtual(main())


def test_closing_ends_waiting_calls_and_the_inner_model():
    async def main() -> None:
        model = Model(first(failure("rate_limit", 100.0)))
        client = resilient(model)
        call = asyncio.create_task(client.complete(HELLO))
        await asyncio.sleep(1)
        await client.aclose()
        with pytest.raises(StoppedError):
            await call
        assert model.closed

    run_virtual(main())
