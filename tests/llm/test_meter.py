import asyncio

import pytest

from flows.errors import RejectedLLMError, StoppedError, StoreError
from flows.llm.meter import Budget, Meter, Metered, Paid
from flows.llm.scripted import Scripted
from flows.llm.types import ChatRequest, Completion, Message

REQUEST = ChatRequest((Message("user", "go"),))


def answered(meter: Meter, entry: str = "", tokens: tuple[int, int] = (100, 50)) -> None:
    meter.admit()
    meter.settle(entry, Completion("x", tokens_in=tokens[0], tokens_out=tokens[1]))


def test_requests_are_counted_to_the_last_one():
    meter = Meter(Budget(max_requests=5), {}, before=Paid(2))
    for _ in range(3):
        meter.admit()
    with pytest.raises(StoppedError, match=r"limits.max_requests = 5 .*2 requests spent, 3 requests in flight"):
        meter.admit()


def test_a_request_that_was_not_answered_costs_nothing():
    meter = Meter(Budget(max_requests=1), {})
    for _ in range(10):
        meter.admit()
        meter.settle("", None)
    answered(meter)
    with pytest.raises(StoppedError):
        meter.admit()


@pytest.mark.parametrize(
    ("budget", "answers"), [(Budget(max_tokens=1500), 10), (Budget(max_cost=0.002), 10)], ids=["tokens", "cost"]
)
def test_what_is_in_flight_counts_at_the_mean_of_those_before(budget, answers):
    # 150 tokens and $0.0002 each
    rates = {"m": (1e-6, 2e-6)}
    meter = Meter(budget, rates, expected=Paid(1, 100, 50, 0.0002))
    for _ in range(answers - 3):
        answered(meter, "m")
    for _ in range(3):
        meter.admit()
    with pytest.raises(StoppedError, match="no room"):
        meter.admit()


def test_without_a_budget_everything_is_admitted_and_counted():
    meter = Meter(Budget(), {"a": (1e-6, 0.0)})
    for entry in ("a", "b", "a"):
        answered(meter, entry)
    assert meter.paid == Paid(3, 300, 150, pytest.approx(0.0002))


def test_what_other_processes_paid_counts_too():
    meter = Meter(Budget(max_requests=5), {}, others=lambda: Paid(4))
    answered(meter)
    with pytest.raises(StoppedError):
        meter.admit()


def test_two_processes_keep_one_budget_to_the_last_request():
    said = {"a": Paid(), "b": Paid()}
    meters = {
        name: Meter(
            Budget(max_requests=10),
            {},
            others=lambda other=other: said[other],
            changed=lambda paid, name=name: said.update({name: paid}),
        )
        for name, other in (("a", "b"), ("b", "a"))
    }
    for _ in range(5):
        meters["a"].admit()
        answered(meters["b"])
    for meter in meters.values():
        with pytest.raises(StoppedError, match="max_requests"):
            meter.admit()


def test_a_metered_model_is_not_asked_beyond_the_budget():
    asked = []

    def answer(request: ChatRequest) -> str:
        asked.append(request)
        if len(asked) == 1:
            raise RejectedLLMError("no", reason="content_filter")
        return "yes"

    async def run() -> None:
        client = Metered(Scripted(answer), Meter(Budget(max_requests=1), {}), "")
        with pytest.raises(RejectedLLMError):
            await client.complete(REQUEST)
        assert (await client.complete(REQUEST)).text == "yes"
        with pytest.raises(StoppedError):
            await client.complete(REQUEST)

    asyncio.run(run())
    assert len(asked) == 2


def test_a_closed_meter_admits_nothing():
    meter = Meter(Budget(), {})
    meter.close(StoreError("the disk is full"))
    with pytest.raises(StoreError):
        meter.admit()
