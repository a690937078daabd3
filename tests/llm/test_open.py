import asyncio
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from flows.errors import StoppedError, UsageError
from flows.llm.memory import Memory
from flows.llm.open import default_spec, open_llm, preflight
from flows.llm.policy import CallPolicy
from flows.llm.replay import Replay, to_line
from flows.llm.scripted import Scripted
from flows.llm.survey import Facts
from flows.llm.traffic import lanes_of, traffic_of
from flows.llm.types import ChatRequest, Completion, Message
from tests.llm.conftest import error, reply

REQUEST = ChatRequest((Message("user", "Hello"),), schema={"type": "object"}, prompt="p")
QUICK = CallPolicy(backoff=0.001, backoff_cap=0.01)


@pytest.mark.parametrize(
    ("environment", "spec"),
    [
        ({}, "replay"),
        ({"OPENAI_API_KEY": "sk"}, "https://api.openai.com/v1"),
        ({"OPENAI_BASE_URL": "http://h/v1"}, "http://h/v1"),
        ({"OPENAI_BASE_URL": "http://h/v1", "OPENAI_API_KEY": "sk"}, "http://h/v1"),
        ({"OPENAI_BASE_URL": "", "OPENAI_API_KEY": ""}, "replay"),
    ],
    ids=str,
)
def test_without_a_spec_the_environment_decides(environment: dict[str, str], spec: str):
    assert default_spec(environment) == spec


@pytest.mark.parametrize("spec", ["vllm:", "serve:", "extractive", "gpt-4", "replay:", ""])
def test_a_spec_that_names_nothing_is_answered_with_those_that_do(spec: str):
    with pytest.raises(UsageError, match=r"there are replay, replay:PATH, http://HOST:PORT/v1"):
        open_llm([spec], model=None, policy=QUICK)


def test_replay_without_a_recording_is_the_users_mistake():
    with pytest.raises(UsageError, match="nothing is recorded for this recipe"):
        open_llm(["replay"], model=None, policy=QUICK)


@pytest.mark.parametrize("spec", ["replay", "replay:{}"])
async def test_recordings_answer_and_are_read_before_the_run(tmp_path: Path, spec: str):
    path = tmp_path / "r.jsonl"
    path.write_bytes(to_line(REQUEST, Completion("hi")))
    llm = open_llm([spec.format(path)], model=None, policy=QUICK, recordings=path)
    assert isinstance(llm, Replay)
    assert await preflight(llm) == (Facts("1 recorded replies", "replay"),)
    assert (await llm.complete(REQUEST)).text == "hi"


async def test_a_missing_recording_is_found_before_the_run(tmp_path: Path):
    with pytest.raises(UsageError, match="no recording at"):
        await preflight(open_llm([f"replay:{tmp_path}/none.jsonl"], model=None, policy=QUICK))


async def test_any_other_model_needs_no_preflight():
    assert await preflight(Scripted(lambda request: "x")) == (Facts("Scripted", "scripted"),)


async def test_a_faulty_server_is_recorded_and_replayed(server, tmp_path: Path):
    """The whole tower on a real server: 429, 500, a reset and an HTML page on the way, every question answered once."""

    async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        count, question = len(server.bodies), body["messages"][0]["content"]
        if count % 5 == 1:
            return web.json_response(error("slow down"), status=429, headers={"retry-after-ms": "5"})
        if count % 11 == 2:
            return web.json_response(error("oops"), status=500)
        if count % 13 == 3:
            request.transport.abort()
        if count % 17 == 4:
            return web.Response(text="<html>gateway</html>", content_type="text/html")
        return web.json_response(reply(f"answer to {question}"))

    server.answer = answer
    path = tmp_path / "r.jsonl"
    proven = Memory({server.url: {"m": {"step": "json_schema", "max_completion_tokens": False, "without": []}}})
    llm = open_llm([server.url], model=None, policy=QUICK, api_key="sk-secret", record=path, memory=proven)
    (facts,) = await preflight(llm)
    requests = [replace(REQUEST, messages=(Message("user", str(n)),), variables={"n": n}) for n in range(200)]
    completions = await asyncio.gather(*map(llm.complete, requests))
    await llm.aclose()
    assert (facts.where, facts.model) == (server.url, "m")
    assert [completion.text for completion in completions] == [f"answer to {n}" for n in range(200)]
    traffic = traffic_of(llm)
    assert (traffic.answered, traffic.in_flight, traffic.rejected) == (200, 0, 0)
    assert traffic.sent == len(server.bodies) == 200 + traffic.retries.total()
    assert set(traffic.retries) == {"rate_limit", "server_error", "reset", "bad_body"}
    assert b"sk-secret" not in path.read_bytes()
    replay = open_llm([f"replay:{path}"], model=None, policy=QUICK)
    assert [(await replay.complete(request)).text for request in requests] == [c.text for c in completions]


async def test_a_key_that_expires_in_mid_run_stops_it(server):
    async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if len(server.bodies) > 50:
            return web.json_response(error("expired"), status=401)
        return web.json_response(reply("x"))

    server.answer = answer
    llm = open_llm([server.url], model="m", policy=QUICK, api_key="sk-secret")
    results = await asyncio.gather(*[llm.complete(REQUEST) for _ in range(500)], return_exceptions=True)
    assert sum(isinstance(result, Completion) for result in results) == 50
    stops = [result for result in results if isinstance(result, StoppedError)]
    assert len(stops) == 450
    assert "refused the key (401): expired" in str(stops[0])
    assert str(stops[0]).endswith("Then run again to continue.")
    assert len(server.bodies) < 50 + QUICK.concurrency + 1
    await llm.aclose()


@pytest.mark.parametrize("probe", [False, True])
async def test_a_preflight_sends_a_request_only_as_a_probe(server, probe: bool):
    llm = open_llm([server.url], model="m", policy=QUICK)
    (facts,) = await preflight(llm, probe=probe)
    assert (facts.rung, facts.held, len(server.bodies)) == (("json_schema", False, 1) if probe else (None, None, 0))
    await llm.aclose()


def test_opening_recordings_imports_no_http_client():
    code = "import sys, flows.llm.open; print(*sorted({'aiohttp', 'openai', 'httpx2', 'pydantic'} & set(sys.modules)))"
    done: subprocess.CompletedProcess[str] = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


def test_an_endpoint_is_opened_without_a_loop_and_without_the_network(monkeypatch: pytest.MonkeyPatch):
    never: Callable[..., Any] = lambda *args, **kwargs: pytest.fail("opened a socket")  # noqa: E731
    monkeypatch.setattr("socket.socket.connect", never)
    assert open_llm(["http://127.0.0.1:9/v1"], model="m", policy=QUICK).model == "m"


@pytest.mark.parametrize("specs", [(), ("replay:a", "http://h/v1"), ("replay:a", "replay:b")], ids=str)
def test_only_endpoints_can_share_a_models_load(specs: tuple[str, ...]):
    with pytest.raises(UsageError, match="only endpoints can share a model's load"):
        open_llm(specs, model=None, policy=QUICK)


async def test_endpoints_of_one_model_share_its_requests_and_an_absent_one_is_left_out(server, caplog):
    llm = open_llm(["http://127.0.0.1:9/v1", server.url, server.url], model=None, policy=QUICK)
    absent, there = await preflight(llm)
    assert (absent.absent is None, there.absent is None) == (False, True)
    await asyncio.gather(*[llm.complete(REQUEST) for _ in range(50)])
    assert llm.model == "m"
    assert lanes_of(llm)[server.url].answered == 50
    assert "other endpoints carry the load" in caplog.text
    await llm.aclose()
