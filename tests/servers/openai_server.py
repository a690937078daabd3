"""A local server that speaks the OpenAI API, well or badly: latency, limits and every kind of fault, by rate.

Replies, good and bad ones, are drawn from the seed and the request, never from time or order: two runs of the same
requests get the same replies. Faults on the way (429, 500, resets, …) are drawn from how often the body came before as
well, so that a retried request may succeed.

    python -m tests.servers.openai_server --port 8000 --rate-429 0.05 --rate-500 0.02 --rate-malformed 0.03
"""

import argparse
import asyncio
import json
import multiprocessing
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, fields, replace
from hashlib import blake2b
from math import exp, log
from pathlib import Path
from random import Random
from typing import Any

import orjson
from aiohttp import web

from tests.servers.writer import write_reply

Serving = Callable[[Any], AbstractAsyncContextManager[Any]]
"""Runs a server with a configuration in an event loop; gives what has its `url`."""


@dataclass(frozen=True)
class Config:
    """How the server behaves; rates are shares of the requests."""

    port: int = 0
    latency: float = 0.0
    """Seconds for a reply; the median when `latency_p99` is given, the rest being lognormal."""
    latency_p99: float = 0.0
    slots: int = 0
    """Requests worked on at a time, others wait; 0 is no limit."""
    seed: int = 0
    api_key: str = ""
    models: str = "m"
    structured: str = "json_schema"
    """Highest rung served: json_schema, json_object, none, or llamacpp (json_object with a schema)."""
    retry_after: float = 0.05
    rate_429: float = 0.0
    rate_500: float = 0.0
    rate_502_html: float = 0.0
    rate_503: float = 0.0
    rate_reset: float = 0.0
    rate_stall: float = 0.0
    rate_drip: float = 0.0
    rate_truncated_body: float = 0.0
    rate_wrong_type: float = 0.0
    rate_malformed: float = 0.0
    """Replies of the kind `malformed`, or of any kind in MALFORMED."""
    malformed: str = ""
    rate_length: float = 0.0
    """Replies cut by length unless max_tokens is above 5000."""
    rate_refusal: float = 0.0
    rate_content_filter: float = 0.0
    rate_empty: float = 0.0
    always: int = 0
    """Answer everything with this status."""
    poison: str = ""
    """A prompt in which this pattern is found always gets 500."""
    refuse: str = ""
    """A prompt that holds this text is always refused."""
    expire_after: int = 0
    """Requests after which the key is no longer good."""
    log: str = ""
    """File that gets a JSON line for each request: digest of the body, outcome."""


def _malformed(kind: str, text: str) -> str:
    value = json.loads(text)
    first = next(iter(value))
    return {
        "fence": f"```json\n{text}\n```",
        "preamble": f"Here you are:\n\n{text}",
        "trailing_comma": text[:-1] + ",}",
        "single_quotes": str(value),
        "null_field": json.dumps({**value, first: None}),
        "wrong_type": json.dumps({**value, first: 7}),
        "missing_field": json.dumps({key: text for key, text in value.items() if key != first}),
        "unclosed": text[:-8],
        "think": f"<think>Let me see: {{draft}}</think>\n{text}",
        "lone_surrogate": json.dumps({**value, first: "half \ud83d"}),
        "prose": "The query could be about boats, and the document as well.",
    }[kind]


MALFORMED = (
    "fence preamble trailing_comma single_quotes null_field wrong_type missing_field unclosed think "
    "lone_surrogate prose"
).split()
REPLIES = ("malformed", "length", "refusal", "content_filter", "empty")
"""What may be wrong with a reply that comes; all else goes wrong on the way."""
STATUS = {"429": 429, "500": 500, "503": 503}


@dataclass
class OpenAIServer:
    """The server's state while it runs."""

    config: Config = field(default_factory=Config)
    outcomes: Counter[str] = field(default_factory=Counter)
    """Outcome -> requests."""
    seen: Counter[str] = field(default_factory=Counter)
    """Digest of a body -> how often it came."""
    url: str = ""
    busy: int = 0
    peak: int = 0
    """Most requests worked on at a time."""

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.config.slots) if self.config.slots else None
        self._log = Path(self.config.log).open("ab", buffering=0) if self.config.log else None

    @property
    def requests(self) -> int:
        """Chat requests so far."""
        return self.outcomes.total()

    def app(self) -> web.Application:
        """Give the aiohttp application."""
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_post("/v1/chat/completions", self.chat)
        app.router.add_get("/v1/models", self.list_models)
        app.router.add_get("/health", lambda request: web.Response(text="ok"))
        app.router.add_post("/config", self.configure)
        return app

    async def configure(self, request: web.Request) -> web.StreamResponse:
        """Behave as the body says from now on, as if just started; port and log stay."""
        changed = Config(**await request.json())
        self.config = replace(changed, port=self.config.port, log=self.config.log)
        self.outcomes.clear()
        self.seen.clear()
        self._slots = asyncio.Semaphore(self.config.slots) if self.config.slots else None
        return web.Response(text="ok")

    async def list_models(self, request: web.Request) -> web.StreamResponse:
        """Answer GET /v1/models."""
        if not self._may(request):
            return _error(401, "Incorrect API key provided", "invalid_api_key")
        models = [{"id": name, "object": "model"} for name in self.config.models.split(",")]
        return web.json_response({"object": "list", "data": models})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """Answer POST /v1/chat/completions."""
        body = await request.read()
        digest = blake2b(body, digest_size=12).hexdigest()
        asked = orjson.loads(body)
        reply = Random(f"{self.config.seed} {digest}")
        rng = Random(f"{self.config.seed} {digest} {self.seen[digest]}")
        self.seen[digest] += 1
        self.busy += 1
        self.peak = max(self.peak, self.busy)
        outcome = self._outcome(request, asked, rng, reply)
        try:
            return await self._answer(request, asked, outcome, rng, reply)
        finally:
            self.busy -= 1
            self.outcomes[outcome] += 1
            if self._log:
                self._log.write(orjson.dumps({"body": digest, "outcome": outcome}) + b"\n")

    def _may(self, request: web.Request) -> bool:
        key = self.config.api_key
        expired = self.config.expire_after and self.requests >= self.config.expire_after
        return not expired and (not key or request.headers.get("Authorization") == f"Bearer {key}")

    def _outcome(self, request: web.Request, asked: dict, rng: Random, reply: Random) -> str:
        config = self.config
        if not self._may(request):
            return "401"
        if asked["model"] not in config.models.split(","):
            return "404"
        if config.always:
            return f"always {config.always}"
        if config.poison and re.search(config.poison, asked["messages"][0]["content"]):
            return "poison"
        if config.refuse and config.refuse in asked["messages"][0]["content"]:
            return "refusal"
        kind = (asked.get("response_format") or {}).get("type", "none")
        if _unsupported(config.structured, asked.get("response_format") or {}):
            return f"no {kind}"
        names = [entry.name for entry in fields(config) if entry.name.startswith("rate_")]
        transport = [name for name in names if name.removeprefix("rate_") not in REPLIES]
        return self._draw(transport, rng) or self._draw(names[len(transport) :], reply) or "ok"

    def _draw(self, rates: list[str], rng: Random) -> str | None:
        draw = rng.random()
        for name in rates:
            draw -= getattr(self.config, name)
            if draw < 0:
                return name.removeprefix("rate_")
        return None

    async def _answer(
        self, request: web.Request, asked: dict, outcome: str, rng: Random, reply: Random
    ) -> web.StreamResponse:
        if outcome == "401":
            return _error(401, "Incorrect API key provided", "invalid_api_key")
        if outcome == "404":
            return _error(404, f"The model `{asked['model']}` does not exist", "model_not_found")
        if outcome.startswith("always"):
            return _error(self.config.always, "always", "always", retry_after=self.config.retry_after)
        if outcome == "poison":
            return _error(500, "internal error", "server_error")
        if outcome.startswith("no "):
            status = 500 if self.config.structured == "llamacpp" else 400
            return _error(status, "response_format of this type is not supported", "invalid_request_error")
        if outcome in STATUS:
            return _error(STATUS[outcome], "try later", "busy", retry_after=self.config.retry_after)
        if outcome == "502_html":
            return web.Response(status=502, text="<html><h1>Bad gateway</h1></html>", content_type="text/html")
        if outcome == "reset":
            request.transport.abort()
            return web.Response()
        if outcome == "stall":
            while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110
                await asyncio.sleep(0.05)  # aiohttp tells nobody that a client has left
        async with self._slots or _free():
            await asyncio.sleep(self._latency(rng))
        return await self._reply(request, asked, outcome, reply)

    async def _reply(self, request: web.Request, asked: dict, outcome: str, rng: Random) -> web.StreamResponse:
        body = orjson.dumps(completion(asked, outcome, rng, self.config.seed, self.config.malformed))
        if outcome == "wrong_type":
            return web.Response(body=b"OK", content_type="text/plain")
        if outcome in ("truncated_body", "drip"):
            response = web.StreamResponse(
                headers={"Content-Type": "application/json", "Content-Length": str(len(body))}
            )
            await response.prepare(request)
            if outcome == "drip":
                for byte in body:
                    await response.write(bytes([byte]))
                    await asyncio.sleep(0.5)
            await response.write(body[: len(body) // 2])
            request.transport.abort()
            return response
        return web.Response(body=body, content_type="application/json")

    def _latency(self, rng: Random) -> float:
        config = self.config
        if not config.latency_p99:
            return config.latency
        sigma = log(config.latency_p99 / config.latency) / 2.326
        return config.latency * exp(rng.gauss(0, sigma))


def completion(asked: dict, outcome: str, rng: Random, seed: int, kind: str = "") -> dict:
    """Give the body of a 200; the words depend on the conversation alone, `kind` is that of a malformed reply."""
    prompt = asked["messages"][0]["content"]
    schema = ((asked.get("response_format") or {}).get("json_schema") or {}).get("schema")
    words = Random(f"{seed} {prompt}")
    text, finish, extra = write_reply(prompt, schema, words), "stop", {}
    if outcome == "malformed":
        text = _malformed(kind or rng.choice(MALFORMED), text)
    elif outcome == "length" and asked.get("max_tokens", 0) <= 5000:
        text, finish = text[: len(text) // 2], "length"
    elif outcome == "refusal":
        text, extra = "", {"refusal": "I can't help with that."}
    elif outcome == "content_filter":
        text, finish = "", "content_filter"
    elif outcome == "empty":
        text = ""
    read = len(json.dumps(asked["messages"])) // 4
    written = len(text.encode("utf-8", "surrogatepass")) // 4
    message = {"role": "assistant", "content": text or None, **extra}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": asked["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": _logprobs(asked, text)}],
        "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
    }


def _logprobs(asked: dict, text: str) -> dict | None:
    """Half a nat for every word, where they are asked for."""
    if not asked.get("logprobs"):
        return None
    return {"content": [{"token": word, "logprob": -0.5} for word in text.split()]}


def _unsupported(structured: str, response_format: dict) -> bool:
    kind = response_format.get("type", "none")
    rungs = ["none", "json_object", "json_schema"]
    if structured == "llamacpp":
        return kind == "json_schema"
    return kind in rungs and rungs.index(kind) > rungs.index(structured)


def _error(status: int, message: str, code: str, retry_after: float = 0.0) -> web.Response:
    headers = {"Retry-After": f"{retry_after:g}"} if status in (429, 503) else {}
    return web.json_response({"error": {"message": message, "code": code}}, status=status, headers=headers)


@asynccontextmanager
async def _free() -> AsyncIterator[None]:
    yield


@asynccontextmanager
async def serving(config: Config | None = None) -> AsyncIterator[OpenAIServer]:
    """Run a server in this event loop."""
    server = OpenAIServer(config or Config())
    runner = web.AppRunner(server.app(), handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", server.config.port)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()


@contextmanager
def server_process(config: Any = None, serving: Serving | None = None) -> Iterator[str]:
    """Run a server in a process of its own, this one unless another is given; gives its URL."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(config, sender, serving), daemon=True)
    process.start()
    try:
        if not receiver.poll(60):
            raise TimeoutError("the server did not start within 60 s")
        yield receiver.recv()
    finally:
        process.kill()
        process.join()


def _serve(config: Any, sender, start: Serving | None = None) -> None:
    async def forever() -> None:
        async with (start or serving)(config) as server:
            sender.send(server.url)
            await asyncio.Event().wait()

    asyncio.run(forever())


class _Printer:
    def send(self, url: str) -> None:
        sys.stdout.write(url + "\n")
        sys.stdout.flush()


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for entry in fields(Config):
        kind = type(entry.default)
        parser.add_argument(f"--{entry.name.replace('_', '-')}", type=kind, default=entry.default, dest=entry.name)
    try:
        _serve(Config(**vars(parser.parse_args())), _Printer())
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
