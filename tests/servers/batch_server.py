"""A local server with a Batch API: /v1/files and /v1/batches, as strict as OpenAI's, with every way a batch may end.

Time is counted in polls, so that nothing has to sleep: each GET of a batch moves it on. What a line gets depends on the
request and on how often it came, so that a request which failed may succeed in a later batch.

    python -m tests.servers.batch_server --port 8000 --polls 5 --fates expired:0.5 --rate-500 0.05
"""

import argparse
import asyncio
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any

import orjson
from aiohttp import web

from tests.servers.openai_server import completion

ENDPOINT = "/v1/chat/completions"
NOW = 4_000_000_000
"""Seconds since 1970 at which the server was started: far in the future, so that no window closes."""


@dataclass(frozen=True)
class BatchConfig:
    """How the server behaves."""

    port: int = 0
    seed: int = 0
    api_key: str = ""
    models: str = "m"
    polls: int = 3
    """GETs of a batch until it has ended."""
    fates: str = ""
    """How the first batches end, by commas: completed, expired:SHARE, cancelled:SHARE or failed:CODE."""
    structured: str = "json_schema"
    """Highest rung that a line may ask for: json_schema, json_object or none."""
    room: int = 50_000
    """Requests that may be on their way at a time, in all batches."""
    refuse_parameter: str = ""
    """Parameter that a line must not have."""
    filter: str = ""
    """A prompt that holds this text is filtered."""
    poison: str = ""
    """A prompt that holds this text always gets 500."""
    rate_429: float = 0.0
    rate_500: float = 0.0
    rate_malformed: float = 0.0
    """Shares of lines."""
    busy_creates: int = 0
    """First POSTs of a batch that get 429."""
    lost_creates: int = 0
    """First POSTs of a batch that are obeyed, but whose answer is lost."""
    busy_polls: int = 0
    """First GETs of a batch that get 503."""
    deaf_after: int = 0
    """Calls after which every call gets 503."""
    overdue: bool = False
    """Whether the windows of batches have closed long ago, and nothing was done."""
    log: str = ""
    """File that gets a JSON line for each batch that was created and each line that was answered, and so paid for."""


@dataclass
class Batch:
    """One batch."""

    id: str
    file: str
    metadata: dict[str, str] | None
    fate: str
    polls: int = 0
    status: str = "validating"
    errors: list[dict[str, Any]] = field(default_factory=list)
    output: str | None = None
    error_file: str | None = None
    total: int = 0
    answered: int = 0
    failed: int = 0


@dataclass
class BatchServer:
    """The server's state while it runs."""

    config: BatchConfig = field(default_factory=BatchConfig)
    url: str = ""
    files: dict[str, tuple[str, str, bytes]] = field(default_factory=dict)
    """Id -> name, purpose, content."""
    batches: dict[str, Batch] = field(default_factory=dict)
    paid: Counter[str] = field(default_factory=Counter)
    """Digest of a body -> how often it was answered."""
    calls: Counter[str] = field(default_factory=Counter)
    """Method and kind of path -> calls."""
    served: defaultdict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))
    """Method and kind of path -> set when a call's answer is about to leave."""
    held: str = ""
    """Method and kind of path whose answers wait until `let_go`."""
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._log = Path(self.config.log).open("ab", buffering=0) if self.config.log else None
        self._seen: Counter[str] = Counter()

    def app(self) -> web.Application:
        """Give the aiohttp application."""
        app = web.Application(client_max_size=512 * 2**20, middlewares=[self._guard])
        app.router.add_get("/v1/models", self.list_models)
        app.router.add_post("/v1/files", self.upload)
        app.router.add_get("/v1/files", self.list_files)
        app.router.add_get("/v1/files/{id}/content", self.content)
        app.router.add_post("/v1/batches", self.create)
        app.router.add_get("/v1/batches", self.list_batches)
        app.router.add_get("/v1/batches/{id}", self.retrieve)
        app.router.add_post("/v1/batches/{id}/cancel", self.cancel)
        return app

    def requests(self, number: int) -> list[dict[str, Any]]:
        """Give the lines that came in a batch, counted from 0."""
        batch = [*self.batches.values()][number]
        return [orjson.loads(line) for line in self.files[batch.file][2].splitlines()]

    @web.middleware
    async def _guard(self, request: web.Request, handler) -> web.StreamResponse:
        if self.config.api_key and request.headers.get("Authorization") != f"Bearer {self.config.api_key}":
            return _error(401, "Incorrect API key provided", "invalid_api_key")
        kind = request.path.removeprefix("/v1/").partition("/")
        call = f"{request.method} {kind[0]}{kind[1]}"
        self.calls[call] += 1
        if self.config.deaf_after and self.calls.total() > self.config.deaf_after:
            return _error(503, "overloaded", "overloaded")
        response = await handler(request)
        self.served[call].set()
        if call == self.held:
            await self.let_go.wait()
        return response

    async def list_models(self, request: web.Request) -> web.StreamResponse:
        """Answer GET /v1/models."""
        return _page([{"id": name, "object": "model"} for name in self.config.models.split(",")])

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """Answer POST /v1/files."""
        form = await request.post()
        file, purpose = form.get("file"), form.get("purpose")
        if purpose != "batch" or not isinstance(file, web.FileField):
            return _error(400, f"'{purpose}' is not one of ['batch']", "invalid_purpose")
        if not file.filename.endswith(".jsonl"):
            return _error(400, "Invalid file format for Batch API. Must be .jsonl", "invalid_file")
        return web.json_response(self._file(self._keep(file.filename, "batch", file.file.read())))

    async def list_files(self, request: web.Request) -> web.StreamResponse:
        """Answer GET /v1/files."""
        wanted = request.query.get("purpose")
        return _page([self._file(id) for id, file in self.files.items() if wanted in (None, file[1])])

    async def content(self, request: web.Request) -> web.StreamResponse:
        """Answer GET /v1/files/ID/content."""
        file = self.files.get(request.match_info["id"])
        return web.Response(body=file[2]) if file else _error(404, "No such File object", "not_found")

    async def create(self, request: web.Request) -> web.StreamResponse:
        """Answer POST /v1/batches."""
        if self.calls["POST batches"] <= self.config.busy_creates:
            return _error(429, "try later", "rate_limit_exceeded", {"Retry-After": "0.01"})
        asked = await request.json()
        if unknown := asked.keys() - {"input_file_id", "endpoint", "completion_window", "metadata"}:
            return _error(400, f"Unknown parameter: {sorted(unknown)}", "unknown_parameter")
        if self.files.get(asked.get("input_file_id"), ("", ""))[1] != "batch":
            return _error(400, "input_file_id names no file with the purpose batch", "invalid_request")
        if asked.get("endpoint") != ENDPOINT or asked.get("completion_window") != "24h":
            return _error(400, "endpoint or completion_window is not supported", "invalid_request")
        metadata = asked.get("metadata")
        if metadata and not all(isinstance(v, str) and len(k) <= 64 and len(v) <= 512 for k, v in metadata.items()):
            return _error(400, "Invalid metadata", "invalid_request")
        fates = self.config.fates.split(",")
        number = len(self.batches)
        batch = Batch(f"batch_{number}", asked["input_file_id"], metadata, fates[number] if number < len(fates) else "")
        self.batches[batch.id] = batch
        self._note({"created": batch.id})
        if number < self.config.lost_creates:
            request.transport.abort()
        return web.json_response(self._shown(batch))

    async def list_batches(self, request: web.Request) -> web.StreamResponse:
        """Answer GET /v1/batches, newest first."""
        newest = [*self.batches.values()][::-1]
        after, limit = request.query.get("after"), int(request.query.get("limit", 20))
        start = next((place + 1 for place, batch in enumerate(newest) if batch.id == after), 0)
        shown = [self._shown(batch) for batch in newest[start : start + limit]]
        return _page(shown, more=start + limit < len(newest))

    async def retrieve(self, request: web.Request) -> web.StreamResponse:
        """Answer GET /v1/batches/ID: the batch moves on a little."""
        batch = self.batches.get(request.match_info["id"])
        if batch is None:
            return _error(404, f"No batch found with id '{request.match_info['id']}'", "not_found")
        if self.calls["GET batches/"] <= self.config.busy_polls:
            return _error(503, "try later", "overloaded", {"Retry-After": "0.01"})
        self._move(batch)
        return web.json_response(self._shown(batch))

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        """Answer POST /v1/batches/ID/cancel."""
        batch = self.batches.get(request.match_info["id"])
        if batch is None:
            return _error(404, "No such batch", "not_found")
        if batch.status in ("validating", "in_progress"):
            batch.fate, batch.status = f"cancelled:{batch.polls / self.config.polls}", "cancelling"
        return web.json_response(self._shown(batch))

    def _move(self, batch: Batch) -> None:
        if batch.status in ("completed", "failed", "expired", "cancelled"):
            return
        batch.polls += 1
        lines = self.files[batch.file][2].splitlines()
        if batch.polls == 1:
            batch.errors = [*self._faults(batch, lines)][:20]
            batch.status, batch.total = ("failed", 0) if batch.errors else ("in_progress", len(lines))
        elif batch.polls == self.config.polls - 1:
            batch.status = "finalizing" if batch.status == "in_progress" else batch.status
        if batch.polls >= self.config.polls and not batch.errors and not self.config.overdue:
            self._finish(batch, lines)

    def _faults(self, batch: Batch, lines: list[bytes]) -> Iterator[dict[str, Any]]:
        """Validate an input file."""
        fate, _, code = batch.fate.partition(":")
        if fate == "failed":
            yield {"code": code, "message": f"this batch fails: {code}", "line": None, "param": None}
        if not lines:
            yield {"code": "empty_file", "message": "The input file is empty", "line": None, "param": None}
        going = sum(other.total for other in self.batches.values() if other.status in ("in_progress", "finalizing"))
        if going + len(lines) > self.config.room:
            message = "Enqueued token limit reached for m. Please try again once some in_progress batches have ended."
            yield {"code": "token_limit_exceeded", "message": message, "line": None, "param": None}
        ids: set[str] = set()
        model = ""
        for number, line in enumerate(lines, start=1):
            code, message = self._fault(line, ids, model)
            if code:
                yield {"code": code, "message": message, "line": number, "param": None}
                continue
            model = orjson.loads(line)["body"]["model"]

    def _fault(self, line: bytes, ids: set[str], model: str) -> tuple[str, str]:
        try:
            said = orjson.loads(line)
        except orjson.JSONDecodeError:
            return "invalid_json_line", "This line is not parseable as valid JSON."
        if (
            said.keys() != {"custom_id", "method", "url", "body"}
            or not said["custom_id"]
            or len(said["custom_id"]) > 64
        ):
            return "invalid_request", "A line has custom_id, method, url and body."
        if said["custom_id"] in ids:
            return "duplicate_custom_id", f"The custom_id '{said['custom_id']}' appears more than once."
        ids.add(said["custom_id"])
        if said["method"] != "POST" or said["url"] != ENDPOINT:
            return "mismatched_endpoint", "The URL provided does not match the batch endpoint."
        if model not in ("", said["body"].get("model")):
            return "mismatched_model", "All requests of a batch must be for the same model."
        if said["body"].get("model") not in self.config.models.split(","):
            return "model_not_found", f"The provided model '{said['body'].get('model')}' is not supported."
        return "", ""

    def _finish(self, batch: Batch, lines: list[bytes]) -> None:
        fate, _, share = batch.fate.partition(":")
        worked = lines[: round(len(lines) * float(share))] if fate in ("expired", "cancelled") else lines
        good, bad = [], []
        for line in worked:
            said = orjson.loads(line)
            status, body = self._answer(said["body"])
            response = {"status_code": status, "request_id": "req_1", "body": body}
            entry = {"id": "batch_req_1", "custom_id": said["custom_id"], "response": response, "error": None}
            (good if status == 200 else bad).append(entry)
        for line in lines[len(worked) :]:
            error = {"code": f"batch_{fate}", "message": "This request could not be executed before the batch ended."}
            custom_id = orjson.loads(line)["custom_id"]
            bad.append({"id": "batch_req_1", "custom_id": custom_id, "response": None, "error": error})
        Random(batch.id).shuffle(good)  # the order of the output is not the input's
        batch.status = fate if fate in ("expired", "cancelled") else "completed"
        batch.answered, batch.failed = len(good), len(bad)
        batch.output = self._keep("output.jsonl", "batch_output", _lines(good)) if good else None
        batch.error_file = self._keep("errors.jsonl", "batch_output", _lines(bad)) if bad else None
        for entry in good:
            self._note({"paid": entry["custom_id"], "batch": batch.id})

    def _answer(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        config = self.config
        body = orjson.dumps(asked)
        digest = blake2b(body, digest_size=12).hexdigest()
        draw = Random(f"{config.seed} {digest} {self._seen[digest]}").random()
        self._seen[digest] += 1
        prompt = asked["messages"][0]["content"]
        rungs = ["none", "json_object", "json_schema"]
        rung = (asked.get("response_format") or {}).get("type", "none")
        if rungs.index(rung) > rungs.index(config.structured):
            return _failure(400, f"response_format of type '{rung}' is not supported", "invalid_request_error")
        if config.refuse_parameter in asked:
            return _failure(400, f"Unsupported parameter: '{config.refuse_parameter}'", "unsupported_parameter")
        if config.filter and config.filter in prompt:
            return _failure(400, "The prompt was flagged by the content filter", "content_filter")
        if (config.poison and config.poison in prompt) or draw < config.rate_500:
            return _failure(500, "internal error", "server_error")
        if draw < config.rate_500 + config.rate_429:
            return _failure(429, "Rate limit reached", "rate_limit_exceeded")
        reply = Random(f"{config.seed} {digest}")
        self.paid[digest] += 1
        outcome = "malformed" if reply.random() < config.rate_malformed else "ok"
        return 200, completion(asked, outcome, reply, config.seed)

    def _keep(self, name: str, purpose: str, content: bytes) -> str:
        id = f"file-{len(self.files)}"
        self.files[id] = (name, purpose, content)
        return id

    def _file(self, id: str) -> dict[str, Any]:
        name, purpose, content = self.files[id]
        common = {"object": "file", "created_at": NOW, "status": "processed"}
        return {"id": id, "filename": name, "purpose": purpose, "bytes": len(content), **common}

    def _shown(self, batch: Batch) -> dict[str, Any]:
        return {
            "id": batch.id,
            "object": "batch",
            "endpoint": ENDPOINT,
            "completion_window": "24h",
            "input_file_id": batch.file,
            "status": batch.status,
            "errors": {"object": "list", "data": batch.errors} if batch.errors else None,
            "output_file_id": batch.output,
            "error_file_id": batch.error_file,
            "created_at": NOW,
            "expires_at": 1 if self.config.overdue else NOW + 86400,
            "metadata": batch.metadata,
            "request_counts": {"total": batch.total, "completed": batch.answered, "failed": batch.failed},
        }

    def _note(self, entry: dict[str, Any]) -> None:
        if self._log:
            self._log.write(orjson.dumps(entry) + b"\n")


def _lines(entries: list[dict[str, Any]]) -> bytes:
    return b"".join(orjson.dumps(entry) + b"\n" for entry in entries)


def _failure(status: int, message: str, code: str) -> tuple[int, dict[str, Any]]:
    return status, {"error": {"message": message, "code": code, "type": "invalid_request_error", "param": None}}


def _error(status: int, message: str, code: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response(_failure(status, message, code)[1], status=status, headers=headers)


def _page(data: list[dict[str, Any]], *, more: bool = False) -> web.Response:
    return web.json_response({"object": "list", "data": data, "has_more": more})


@asynccontextmanager
async def serving_batches(config: BatchConfig | None = None) -> AsyncIterator[BatchServer]:
    """Run a server in this event loop; `server_process` takes it for a process of its own."""
    server = BatchServer(config or BatchConfig())
    runner = web.AppRunner(server.app(), handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", server.config.port)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for entry in fields(BatchConfig):
        name = f"--{entry.name.replace('_', '-')}"
        parser.add_argument(name, type=type(entry.default), default=entry.default, dest=entry.name)

    async def forever() -> None:
        async with serving_batches(BatchConfig(**vars(parser.parse_args()))) as server:
            sys.stdout.write(server.url + "\n")
            sys.stdout.flush()
            await asyncio.Event().wait()

    try:
        asyncio.run(forever())
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
