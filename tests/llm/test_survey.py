from typing import Any

import pytest
from aiohttp import web

from flows.errors import AbsentError, FatalLLMError, UsageError
from flows.llm.endpoint import resolve
from flows.llm.openai_http import OpenAIHttp
from flows.llm.survey import Facts, survey, survey_all
from tests.llm.conftest import always, error, reply


async def test_the_only_model_is_taken(server, connect):
    server.served = {"data": [{"id": "qwen", "max_model_len": 2048}]}
    client = connect("")
    assert await survey(client) == Facts(server.url, "qwen", ("qwen",), 2048)
    assert client.model == "qwen"
    assert not server.bodies


@pytest.mark.parametrize(
    ("served", "says"), [(["b", "a"], "it serves b, a"), ([], "does not say")], ids=["several", "no list"]
)
async def test_a_choice_of_models_is_the_users(server, connect, served: list[str], says: str):
    server.served = {"data": [{"id": name} for name in served]}
    with pytest.raises(UsageError, match=says):
        await survey(connect(""))


async def test_an_alias_that_is_not_listed_is_asked(server, connect):
    assert (await survey(connect("alias"))).model == "alias"
    assert server.bodies[0]["max_tokens"] == 1


async def test_a_model_that_is_not_there_is_fatal(server, connect):
    server.answer = always(error("model 'x' not found"), status=404)
    with pytest.raises(FatalLLMError, match="has no model 'x': it serves m"):
        await survey(connect("x"))


async def test_a_busy_list_matters_only_without_a_model(server, connect):
    server.served = lambda: web.json_response(error("slow down"), status=429)
    assert (await survey(connect("m"))).models == ()
    with pytest.raises(FatalLLMError, match="give --model"):
        await survey(connect(""))


@pytest.mark.parametrize(
    ("answer", "held"),
    [('{"colour": "red"}', True), ("Hello, reader!", False), ('["red"]', False)],
    ids=lambda x: str(x),
)
async def test_the_probe_tells_whether_a_schema_is_held_to(server, connect, answer: str, held: bool):
    server.answer = always(reply(answer))
    facts = await survey(connect(), probe=True)
    assert (facts.rung, facts.held) == ("json_schema", held)


async def test_the_probe_finds_rung_and_refused_parameters(server, connect):
    async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if "temperature" in body:
            return web.json_response(
                error("Unsupported value", param="temperature", code="unsupported_value"), status=400
            )
        if body.get("response_format", {}).get("type") == "json_schema":
            return web.json_response(error("response_format"), status=400)
        return web.json_response(reply('{"colour": "green"}'))

    server.answer = answer
    facts = await survey(connect(), probe=True)
    assert (facts.rung, facts.held, facts.adapted) == ("json_object", True, ("temperature",))


async def test_a_probe_without_an_answer_is_fatal(server, connect):
    server.answer = always(error("broken"), status=503)
    with pytest.raises(FatalLLMError, match="test request was not answered"):
        await survey(connect(), probe=True)


async def test_an_absent_endpoint_is_told_apart_and_gets_the_model_of_those_that_are_there(server, connect):
    nobody = OpenAIHttp(resolve("http://127.0.0.1:9/v1"), "", concurrency=1, timeout=5.0)
    there = connect("")
    findings = await survey_all([nobody, there])
    assert findings[1] == Facts(server.url, "m", ("m",))
    assert "nobody answers at http://127.0.0.1:9/v1" in (findings[0].absent or "")
    assert nobody.model == "m"


async def test_when_every_endpoint_is_absent_the_first_is_named():
    clients = [OpenAIHttp(resolve(f"http://127.0.0.1:{port}/v1"), "m", concurrency=1, timeout=5.0) for port in (9, 7)]
    with pytest.raises(AbsentError, match=r"127\.0\.0\.1:9"):
        await survey_all(clients)


async def test_an_endpoint_that_is_there_must_serve_the_model(server, connect):
    server.answer = always(error("model 'x' not found"), status=404)
    with pytest.raises(FatalLLMError, match="has no model 'x'"):
        await survey_all([connect("x"), connect("x")])
