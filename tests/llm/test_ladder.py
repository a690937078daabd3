import asyncio

import pytest

from flows.llm.ladder import STEPS, Ladder, Step
from flows.llm.outcome import EndpointFailure, Failure
from flows.llm.types import ChatRequest, Completion
from tests.llm.virtual import run_virtual

ORDER = ["json_schema", "json_object+", "json_object", "none"]


def ask_for(schema_name: str = "reply") -> ChatRequest:
    return ChatRequest((), {"type": "object"}, schema_name)


class Endpoint:
    """Refuses the steps named in `refused` with a status and message, after `latency` seconds."""

    def __init__(self, refused: dict[str, tuple[int, str]] | None = None, *, latency: float = 0.0) -> None:
        self.refused = refused or {}
        self.latency = latency
        self.asked: list[str] = []

    async def post(self, request: ChatRequest, step: Step) -> Completion:
        name = "json_object+" if step.rung == "json_object" and step.with_schema else step.rung
        self.asked.append(name)
        await asyncio.sleep(self.latency)
        if name in self.refused:
            raise EndpointFailure(Failure(*self.refused[name]))
        return Completion("{}", rung=step.rung)


NO_FORMAT = (400, "response_format is not supported")


@pytest.mark.parametrize("status", [400, 404, 415, 422, 500, 501])
@pytest.mark.parametrize("served", [1, 2, 3])
async def test_the_first_request_climbs_down_and_the_next_goes_straight(status: int, served: int):
    endpoint = Endpoint({name: (status, "response_format: unexpected") for name in ORDER[:served]})
    ladder = Ladder()
    assert ladder.rung is None
    await ladder.ask(ask_for(), endpoint.post)
    second = await ladder.ask(ask_for("another"), endpoint.post)
    assert endpoint.asked == [*ORDER[: served + 1], ORDER[served]]
    assert ladder.rung == second.rung == ORDER[served].rstrip("+")


async def test_a_request_without_a_schema_asks_for_nothing_and_proves_nothing():
    endpoint, ladder = Endpoint(), Ladder()
    assert (await ladder.ask(ChatRequest(()), endpoint.post)).rung == "none"
    assert ladder.rung is None


async def test_a_silent_500_is_tried_again_before_the_format_is_suspected():
    endpoint = Endpoint({"json_schema": (500, "internal error")})
    await Ladder().ask(ask_for(), endpoint.post)
    assert endpoint.asked == ["json_schema"] * 3 + ["json_object+"]


async def test_one_500_by_chance_does_not_cost_the_rung():
    endpoint, ladder = Endpoint(), Ladder()

    async def unlucky(request: ChatRequest, step: Step) -> Completion:
        if not endpoint.asked:
            endpoint.asked.append("unlucky")
            raise EndpointFailure(Failure(500, "oops"))
        return await endpoint.post(request, step)

    await ladder.ask(ask_for(), unlucky)
    assert ladder.rung == "json_schema"


async def test_a_request_that_fails_on_every_step_teaches_nothing():
    endpoint, ladder = Endpoint(dict.fromkeys(ORDER, (400, "bad word"))), Ladder()
    with pytest.raises(EndpointFailure, match="bad word"):
        await ladder.ask(ask_for(), endpoint.post)
    endpoint.refused = {}
    await ladder.ask(ask_for(), endpoint.post)
    assert ladder.rung == "json_schema"


@pytest.mark.parametrize(
    "failure",
    [(401, "key"), (429, "slow"), (503, "busy"), (400, "maximum context length is 10")],
    ids=lambda f: str(f[0]),
)
async def test_other_failures_pass_at_once(failure: tuple[int, str]):
    endpoint = Endpoint(dict.fromkeys(ORDER, failure))
    with pytest.raises(EndpointFailure):
        await Ladder().ask(ask_for(), endpoint.post)
    assert endpoint.asked == ["json_schema"]


async def test_after_a_success_only_a_complaint_about_the_format_goes_down_and_only_for_its_schema():
    endpoint, ladder = Endpoint(), Ladder()
    await ladder.ask(ask_for(), endpoint.post)
    endpoint.refused = {"json_schema": (400, "bad word")}
    with pytest.raises(EndpointFailure):
        await ladder.ask(ask_for(), endpoint.post)
    endpoint.refused = {"json_schema": (400, "schema uses unsupported keyword patternProperties")}
    assert (await ladder.ask(ask_for("odd"), endpoint.post)).rung == "json_object"
    endpoint.refused, endpoint.asked = {}, []
    await ladder.ask(ask_for("odd"), endpoint.post)
    await ladder.ask(ask_for(), endpoint.post)
    assert endpoint.asked == ["json_object+", "json_schema"]
    assert ladder.rung == "json_schema"


@pytest.mark.parametrize("name", [step.name for step in STEPS])
async def test_a_remembered_step_is_where_everything_begins_and_nobody_waits(name: str):
    endpoint, learnt = Endpoint(latency=0.001), []
    ladder = Ladder(name, learnt=lambda: learnt.append(ladder.step))
    asking = [asyncio.create_task(ladder.ask(ask_for(), endpoint.post)) for _ in range(3)]
    await asyncio.sleep(0)
    assert len(endpoint.asked) == 3
    completions = await asyncio.gather(*asking)
    assert {completion.rung for completion in completions} == {name.removesuffix("+schema")}
    assert (len(endpoint.asked), learnt) == (3, [name])


async def test_a_remembered_step_that_is_refused_now_is_left_for_the_next():
    endpoint, learnt = Endpoint({"json_schema": NO_FORMAT}), []
    ladder = Ladder("json_schema", learnt=lambda: learnt.append(ladder.step))
    await ladder.ask(ask_for(), endpoint.post)
    await ladder.ask(ask_for("another"), endpoint.post)
    assert endpoint.asked == ["json_schema", "json_object+", "json_object+"]
    assert learnt == ["json_object+schema"]


async def test_a_remembered_step_that_fails_without_a_word_is_soon_doubted():
    endpoint, ladder = Endpoint({"json_schema": (500, "oops")}), Ladder("json_schema")
    for _ in range(3):
        with pytest.raises(EndpointFailure):
            await ladder.ask(ask_for(), endpoint.post)
    assert (await ladder.ask(ask_for(), endpoint.post)).rung == "json_object"


async def test_a_server_that_fails_at_every_step_is_not_explored_by_every_request():
    endpoint, ladder = Endpoint(dict.fromkeys(ORDER, (500, "oops"))), Ladder()
    results = await asyncio.gather(*[ladder.ask(ask_for(), endpoint.post) for _ in range(16)], return_exceptions=True)
    assert {type(result) for result in results} == {EndpointFailure}
    assert len(endpoint.asked) < 16 * 2
    endpoint.refused.clear()
    assert (await ladder.ask(ask_for(), endpoint.post)).rung == "json_schema"


def test_those_whom_a_slow_explorer_left_behind_climb_to_where_it_is():
    async def main() -> list[str]:
        endpoint = Endpoint({"json_schema": NO_FORMAT, "json_object+": NO_FORMAT}, latency=5.0)
        ladder = Ladder(grace=2.0)
        late = [asyncio.create_task(ladder.ask(ask_for(), endpoint.post))]
        await asyncio.sleep(11)  # the explorer is at its third step
        late += [asyncio.create_task(ladder.ask(ask_for(), endpoint.post)) for _ in range(9)]
        await asyncio.gather(*late)
        return endpoint.asked

    asked = run_virtual(main())
    assert asked.count("json_schema") == 1 + 9
    assert asked.count("json_object+") == 1


async def test_the_first_request_explores_alone_while_the_others_wait():
    endpoint, ladder = Endpoint({"json_schema": NO_FORMAT, "json_object+": NO_FORMAT}, latency=0.001), Ladder()
    await asyncio.gather(*[ladder.ask(ask_for(), endpoint.post) for _ in range(20)])
    assert sorted(endpoint.asked) == sorted(["json_schema", "json_object+"] + ["json_object"] * 20)


async def test_when_the_explorer_fails_another_takes_its_place():
    endpoint, ladder = Endpoint(latency=0.001), Ladder()

    async def first_is_unlucky(request: ChatRequest, step: Step) -> Completion:
        await endpoint.post(request, step)
        if len(endpoint.asked) == 1:
            raise EndpointFailure(Failure(429, "slow down"))
        return Completion("{}", rung=step.rung)

    results = await asyncio.gather(*[ladder.ask(ask_for(), first_is_unlucky) for _ in range(5)], return_exceptions=True)
    assert sum(isinstance(result, EndpointFailure) for result in results) == 1
    assert len(endpoint.asked) == 5


def test_a_long_first_answer_holds_the_others_up_no_longer_than_the_grace():
    async def main() -> float:
        endpoint, ladder = Endpoint(latency=30.0), Ladder(grace=2.0)
        await asyncio.gather(*[ladder.ask(ask_for(), endpoint.post) for _ in range(10)])
        assert endpoint.asked == ["json_schema"] * 10
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 32.0
