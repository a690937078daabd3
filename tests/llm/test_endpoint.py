import asyncio
import base64
from typing import Any

import pytest
from aiohttp import web

from flows.errors import FatalLLMError, LLMError, UsageError
from flows.llm.endpoint import ServedModel, resolve


def test_the_environment_is_read_as_the_openai_package_does(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-env")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-1")
    endpoint = resolve("https://host/v1/")
    assert endpoint.url == "https://host/v1"
    assert endpoint.headers["Authorization"] == "Bearer sk-env"
    assert (endpoint.headers["OpenAI-Organization"], endpoint.headers["OpenAI-Project"]) == ("org-1", "proj-1")
    assert resolve("https://host/v1", "sk-given").headers["Authorization"] == "Bearer sk-given"


def test_a_server_of_ones_own_needs_no_key():
    endpoint = resolve("http://127.0.0.1:8000/v1")
    assert endpoint.key == ""
    assert endpoint.headers["Authorization"]


def test_credentials_in_an_address_go_to_a_header_and_nowhere_else():
    endpoint = resolve("http://us%40er:pass@[::1]:8000/v1")
    assert endpoint.url == "http://[::1]:8000/v1"
    assert endpoint.headers["Authorization"] == "Basic " + base64.b64encode(b"us@er:pass").decode()
    assert "pass" not in repr(endpoint)
    assert endpoint.key not in repr(endpoint)


@pytest.mark.parametrize(
    "url", ["ftp://host/v1", "http://", "host:8000/v1", "http://host:port/v1", "http://host:99999"]
)
def test_what_is_no_address_is_told(url: str):
    with pytest.raises(UsageError, match="not an address"):
        resolve(url)


@pytest.mark.parametrize(
    ("proxy", "excepted", "used"),
    [("http://proxy:1", "", "http://proxy:1"), ("proxy:1", "", "http://proxy:1"), ("http://proxy:1", "host", None)],
)
def test_the_environments_proxy_is_taken(monkeypatch, proxy: str, excepted: str, used: str | None):
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.setenv("no_proxy", excepted)
    assert resolve("http://host/v1").proxy == used


@pytest.mark.parametrize(
    ("listing", "models"),
    [
        ({"data": [{"id": "a", "max_model_len": 2048}, {"id": "b"}]}, (ServedModel("a", 2048), ServedModel("b"))),
        ([{"id": "a"}], (ServedModel("a"),)),
        ({"models": [{"name": "a"}]}, (ServedModel("a"),)),
        ({"data": None}, ()),
    ],
    ids=["openai", "bare list", "llama.cpp", "none"],
)
async def test_models_are_listed(server, listing: Any, models: tuple[ServedModel, ...]):
    server.served = listing
    assert await resolve(server.url).models() == models


async def test_a_server_without_a_list_serves_who_knows_what(server):
    server.served = lambda: web.Response(status=404)
    assert await resolve(server.url).models() == ()


async def test_a_list_that_is_none_is_an_error(server):
    server.served = lambda: web.Response(text="<html></html>", content_type="text/html")
    with pytest.raises(LLMError, match="no list of models"):
        await resolve(server.url).models()


async def test_a_refused_key_is_fatal(server):
    server.served = lambda: web.json_response({"error": {"message": "bad key sk-given"}}, status=401)
    with pytest.raises(FatalLLMError) as caught:
        await resolve(server.url, "sk-given").models()
    assert "(401)" in str(caught.value)
    assert "sk-given" not in str(caught.value)


async def test_nobody_there_is_fatal_at_once():
    with pytest.raises(FatalLLMError, match=r"nobody answers at http://127.0.0.1:9/v1"):
        await resolve("http://127.0.0.1:9/v1").models()


async def test_a_server_that_only_listens_is_told_from_one_that_is_gone(server):
    async def never() -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    server.served = never
    with pytest.raises(FatalLLMError, match=r"silent for 0.2 s"):
        await resolve(server.url).models(patience=0.2)
