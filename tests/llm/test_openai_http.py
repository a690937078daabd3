import asyncio
import json
import logging
from dataclasses import replace
from typing import Any

import orjson
import pytest
from aiohttp import web

from flows.errors import FatalLLMError, RejectedLLMError, TransientLLMError, UsageError
from flows.llm.endpoint import resolve
from flows.llm.memory import Memory
from flows.llm.openai_http import OpenAIHttp
from flows.llm.types import ChatRequest, Message
from tests.llm.conftest import always, error, reply

FREE = ChatRequest((Message("user", "Hello"),))
HELD = ChatRequest((Message("user", "Hello"),), schema={"type": "object"})


async def test_a_question_is_answered(server, connect):
    completion = await connect(key="sk-given").complete(FREE)
    assert (completion.text, completion.model, completion.rung) == ("hello", "m-2026", "none")
    assert server.bodies[0]["messages"] == [{"role": "user", "content": "Hello"}]
    assert server.headers[0]["Authorization"] == "Bearer sk-given"
    assert server.headers[0]["Content-Type"] == "application/json"


async def test_connections_are_kept_for_the_next_request(server, connect):
    ports = []

    async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        ports.append(request.transport.get_extra_info("peername"))
        return web.json_response(reply("x"))

    server.answer = answer
    client = connect()
    for _ in range(5):
        await client.complete(FREE)
    assert len(set(ports)) == 1


async def reset(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    request.transport.abort()
    return web.Response()


async def truncated(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "application/json", "content-length": "500"})
    await response.prepare(request)
    await response.write(b'{"choices": [')
    request.transport.close()
    return response


async def stall(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response()


async def drip(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" ")
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (always(error("slow"), status=429), "rate_limit"),
        (always(error("broken"), status=500), "server_error"),
        (always(b"<html>Bad Gateway</html>", status=502, headers={"content-type": "text/html"}), "server_error"),
        (always(error("loading"), status=503), "overloaded"),
        (always(b"<html>login</html>", headers={"content-type": "text/html"}), "bad_body"),
        (always(json.dumps(reply("x"))[:-9].encode()), "bad_body"),
        (always({"choices": []}), "bad_body"),
        (reset, "reset"),
        (truncated, "bad_body"),
        (stall, "timeout"),
        (drip, "timeout"),
    ],
    ids="429 500 502-html 503 html cut-json no-choice reset truncated stall drip".split(),
)
async def test_what_may_pass_is_transient_and_named(server, connect, answer, kind: str):
    server.answer = answer
    with pytest.raises(TransientLLMError) as caught:
        await connect(timeout=0.3).complete(FREE)
    assert caught.value.kind == kind
    assert "\n" not in str(caught.value)


async def test_a_server_that_is_gone_is_unreachable(server):
    client = OpenAIHttp(resolve("http://127.0.0.1:9/v1"), "m", concurrency=1, timeout=5)
    with pytest.raises(TransientLLMError) as caught:
        await client.complete(FREE)
    assert caught.value.kind == "unreachable"
    await client.aclose()


async def test_the_wait_that_is_asked_for_comes_along(server, connect):
    server.answer = always(error("slow"), status=429, headers={"retry-after": "7"})
    with pytest.raises(TransientLLMError) as caught:
        await connect().complete(FREE)
    assert (caught.value.status, caught.value.retry_after) == (429, 7.0)


async def test_a_paid_answer_counts_under_any_content_type(server, connect):
    server.answer = always(reply("paid"), headers={"content-type": "text/plain"})
    assert (await connect().complete(FREE)).text == "paid"


async def test_half_a_surrogate_pair_in_the_answer_is_survived(server, connect):
    server.answer = always(json.dumps(reply("a\ud83d")).encode())
    assert (await connect().complete(FREE)).text == "a�"


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (400, error("no"), "bad_request"),
        (400, error("too long", code="context_length_exceeded"), "context_length"),
        (400, error("filtered", code="content_filter"), "content_filter"),
    ],
)
async def test_a_request_of_its_own_fault_is_rejected(server, connect, status: int, body: Any, reason: str):
    server.answer = always(body, status=status)
    with pytest.raises(RejectedLLMError) as caught:
        await connect().complete(FREE)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("status", "body"), [(401, error("bad key sk-given")), (429, error("", code="insufficient_quota"))]
)
async def test_a_refused_key_is_fatal_and_never_shown(server, connect, status: int, body: Any):
    server.answer = always(body, status=status)
    with pytest.raises(FatalLLMError) as caught:
        await connect(key="sk-given").complete(FREE)
    assert "sk-given" not in str(caught.value)
    assert server.url in str(caught.value)


async def test_a_missing_model_is_fatal_and_the_served_ones_are_named(server, connect):
    server.answer = always(error("The model `x` does not exist.", code=404), status=404)
    server.served = {"data": [{"id": "qwen"}, {"id": "llama"}]}
    with pytest.raises(FatalLLMError, match="has no model 'x': it serves qwen, llama"):
        await connect("x").complete(HELD)
    assert len(server.bodies) == 1


async def test_a_wrong_path_is_fatal_and_says_where_addresses_end(server, connect):
    server.answer = always(b"Not Found", status=404)
    with pytest.raises(FatalLLMError, match="usually ends in /v1"):
        await connect().complete(HELD)


async def test_a_redirect_is_not_followed_with_the_key(server, connect):
    server.answer = always(b"", status=307, headers={"location": "http://127.0.0.1:9/elsewhere"})
    with pytest.raises(FatalLLMError, match="307"):
        await connect(key="sk-given").complete(FREE)


async def test_without_a_model_nothing_is_sent(server, connect):
    with pytest.raises(UsageError, match="give --model"):
        await connect("").complete(FREE)
    assert not server.bodies


@pytest.mark.parametrize(
    ("served", "formats", "rung"),
    [
        ("json_schema", ["json_schema"], "json_schema"),
        ("json_object+", ["json_schema", "json_object+"], "json_object"),
        ("json_object", ["json_schema", "json_object+", "json_object"], "json_object"),
        ("none", ["json_schema", "json_object+", "json_object", "none"], "none"),
    ],
)
async def test_every_kind_of_server_is_met_at_its_rung(server, connect, served: str, formats: list[str], rung: str):
    async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if server.formats[-1] == served:
            return web.json_response(reply("{}"))
        return web.json_response(error("response_format: value not permitted"), status=500)

    server.answer = answer
    client = connect()
    completions = [await client.complete(HELD) for _ in range(3)]
    assert server.formats == [*formats, formats[-1], formats[-1]]
    assert {completion.rung for completion in completions} == {rung}
    assert client.rung == rung


async def test_what_an_endpoint_takes_is_remembered_and_found_out_again_when_it_changed(server, connect):
    refused = ["json_schema", "json_object+"]

    async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if "seed" in body:
            return web.json_response(error("Unsupported parameter: 'seed'", param="seed"), status=400)
        if server.formats[-1] in refused:
            return web.json_response(error("response_format is not supported"), status=400)
        return web.json_response(reply("{}"))

    server.answer = answer
    kept: list[str] = []
    memory = Memory(save=lambda entries: kept.append(orjson.dumps(entries).decode()))
    request = replace(HELD, seed=1)
    await connect(memory=memory).complete(request)
    assert server.formats == ["json_schema", "json_schema", "json_object+", "json_object"]
    assert orjson.loads(kept[-1]) == {
        server.url: {"m": {"step": "json_object", "max_completion_tokens": False, "without": ["seed"]}}
    }
    server.bodies.clear()
    client = connect(memory=Memory(orjson.loads(kept[-1]), save=memory._save))
    await asyncio.gather(*[client.complete(request) for _ in range(3)])
    assert server.formats == ["json_object"] * 3
    writes = len(kept)
    refused.append("json_object")
    server.bodies.clear()
    client = connect(memory=Memory(orjson.loads(kept[-1]), save=memory._save))
    await client.complete(request)
    await client.complete(request)
    assert server.formats == ["json_object", "none", "none"]
    assert orjson.loads(kept[-1])[server.url]["m"]["step"] == "none"
    assert len(kept) == writes + 1


@pytest.mark.parametrize("entries", [{}, {"m": 1}, {"m": {"step": "json_object"}}, {"m": {"step": 3}}], ids=str)
async def test_a_memory_that_cannot_be_read_counts_for_nothing(server, connect, entries: dict[str, Any]):
    await connect(memory=Memory({server.url: entries})).complete(HELD)
    assert server.formats == ["json_schema"]


def refusing(name: str, message: str):
    """A model that does not take one parameter."""

    async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if name in body:
            problem = error(message, param=name, code="unsupported_parameter")
            return web.json_response(problem, status=400)
        return web.json_response(reply("x"))

    return answer


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("max_tokens", {"max_completion_tokens": 4096}),
        ("temperature", {}),
        ("seed", {}),
        ("top_p", {}),
        ("logprobs", {}),
    ],
)
async def test_a_refused_parameter_is_left_out_from_then_on(server, connect, caplog, name: str, sent: dict[str, Any]):
    server.answer = refusing(name, f"Unsupported parameter: '{name}' is not supported with this model.")
    client = connect()
    request = ChatRequest(
        (Message("user", "Hello"),), schema={"type": "object"}, temperature=0.5, seed=1, logprobs=True
    )
    with caplog.at_level(logging.WARNING):
        await client.complete(request)
        await asyncio.gather(*[client.complete(request) for _ in range(4)])
    assert len(server.bodies) == 6
    assert all(name not in body and sent.items() <= body.items() for body in server.bodies[1:])
    assert client.rung == "json_schema"
    assert len(caplog.records) == 1


async def test_requests_that_find_a_refused_parameter_together_adapt_once(server, connect):
    server.answer = refusing("max_tokens", "Unsupported parameter: 'max_tokens'")
    client = connect()
    await asyncio.gather(*[client.complete(FREE) for _ in range(5)])
    assert client.dialect.completion_tokens
    assert not client.dialect.without


async def test_too_much_room_for_the_answer_is_left_to_the_model(server, connect):
    async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if "max_tokens" in body:
            told = "'max_tokens' is too large: 4096. This model's maximum context length is 2048 tokens"
            return web.json_response(error(told), status=400)
        return web.json_response(reply("short"))

    server.answer = answer
    assert (await connect().complete(FREE)).text == "short"
