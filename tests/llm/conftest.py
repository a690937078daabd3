"""A real HTTP server on a free port, with the chat completions handler that a test gives it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from inspect import isawaitable
from typing import Any

import orjson
import pytest
from aiohttp import web

from flows.llm.endpoint import resolve
from flows.llm.memory import Memory
from flows.llm.openai_http import OpenAIHttp

Answer = Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]


class Server:
    """Chat completions from one handler; `bodies` came in, `served` is the list of models or makes one."""

    def __init__(self) -> None:
        self.answer: Answer = always(reply("hello"))
        self.served: Any = {"object": "list", "data": [{"id": "m", "object": "model"}]}
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body = orjson.loads(await request.read())
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        return await self.answer(request, body)

    async def models(self, request: web.Request) -> web.StreamResponse:
        self.headers.append(dict(request.headers))
        if not callable(self.served):
            return web.json_response(self.served)
        made = self.served()
        return await made if isawaitable(made) else made

    @property
    def formats(self) -> list[str]:
        """The response format of every request that came: type, with + where a json_object carried a schema."""
        formats = [body.get("response_format") or {"type": "none"} for body in self.bodies]
        return [form["type"] + "+" * ("schema" in form) for form in formats]


@pytest.fixture(autouse=True)
def no_openai_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", server.chat)
    app.router.add_get("/v1/models", server.models)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield server
    await runner.cleanup()


@pytest.fixture
async def connect(server: Server) -> AsyncIterator[Callable[..., OpenAIHttp]]:
    """Build clients of the server, closed at the end."""
    clients: list[OpenAIHttp] = []

    def build(
        model: str = "m", *, key: str | None = None, timeout: float = 10.0, memory: Memory | None = None
    ) -> OpenAIHttp:
        client = OpenAIHttp(resolve(server.url, key), model, concurrency=8, timeout=timeout, memory=memory)
        clients.append(client)
        return client

    yield build
    for client in clients:
        await client.aclose()


def reply(content: Any, *, finish: str | None = "stop", **message: Any) -> dict[str, Any]:
    """A chat completion as OpenAI writes it."""
    return {
        "id": "c1",
        "object": "chat.completion",
        "model": "m-2026",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}
        ],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    }


def error(message: str, **more: Any) -> dict[str, Any]:
    """An error as OpenAI writes it."""
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None, **more}}


def always(content: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """Answer every request alike: a dict as JSON, bytes as they are."""

    async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        data = content if isinstance(content, bytes) else orjson.dumps(content)
        return web.Response(status=status, body=data, headers={"content-type": "application/json", **(headers or {})})

    return answer
