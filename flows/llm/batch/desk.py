"""Gather requests into batches, bring the batches through, and hand every answer to whoever waits for it."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from flows.errors import FatalLLMError, StoppedError, TransientLLMError
from flows.llm.batch.api import BatchApi
from flows.llm.batch.folder import BatchFiles, Place, write_batch
from flows.llm.batch.journey import Ended, bring
from flows.llm.batch.lines import Line, request_line
from flows.llm.batch.past import Past, Reply
from flows.llm.outcome import Failure
from flows.llm.traffic import Traffic

_log = logging.getLogger(__name__)

SEVERAL = 4
"""Requests that a batch must have failed before the endpoint is suspected, not they."""
BARREN = 3
"""Batches in a row without one answer after which the run stops."""
_AT_A_TIME = 500
"""Answers that are handed out before others have their turn."""
CROWDED = frozenset({"token_limit_exceeded", "enqueued_token_limit_exceeded", "file_too_large"})
"""Codes of a batch that is too large beside others, or by itself."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a batch is closed, and when one is asked about."""

    requests: int = 50_000
    bytes: int = 190_000_000
    """OpenAI's limits on one file, this one with some room (it says 200 MB)."""
    settle: float = 1.0
    """Seconds in which no request comes."""
    poll: float = 1.0
    """Seconds until a new batch is first asked about."""


@dataclass(eq=False, slots=True)
class _Batch:
    """A batch that has not ended."""

    files: BatchFiles
    keys: list[str]
    size: int
    """Bytes of its requests."""
    new: bool
    task: asyncio.Task[None] | None = None
    state: str = ""
    """Id, status and counts, for a person."""


class Desk:
    """Requests by address on one side, batches on the other; one instance serves one event loop.

    Without an `api` the files are run by hand: they are written, and the desk stops until their outputs lie beside
    them. Raises StoreError for a damaged file.
    """

    def __init__(
        self, folder: Path, api: BatchApi | None, traffic: Traffic, *, limits: Limits | None = None, secret: str = ""
    ) -> None:
        self.folder = folder
        self.api = api
        self._traffic = traffic
        self._limits = limits or Limits()
        self._secret = secret
        self._most_bytes = self._limits.bytes
        self._queue: OrderedDict[str, bytes] = OrderedDict()
        self._queued = 0
        self._waiting: dict[str, asyncio.Future[Reply]] = {}
        self._live: dict[str, _Batch] = {}
        self._past = Past(folder, by_hand=api is None, secret=secret)
        for files in self._past.running:
            batch = _Batch(files, files.keys(), files.input.stat().st_size, new=False)
            self._live |= dict.fromkeys(batch.keys, batch)
        self._timer: asyncio.TimerHandle | None = None
        self._asked = 0.0
        self._barren = 0
        self._crowded = False
        self._stopped: Exception | None = None

    @property
    def step(self) -> int | None:
        """Highest step of the ladder that was answered in earlier processes."""
        return self._past.step

    def ask(self, key: str, step: int, body: bytes) -> asyncio.Future[Reply]:
        """Give the future of what a batch says of the request: one of an earlier process, or one to come.

        It ends with TransientLLMError when the batch ends without it, with FatalLLMError, or with StoppedError.
        """
        future: asyncio.Future[Reply] | None = self._waiting.get(key)
        if future is not None and not future.done():
            return future
        future = asyncio.get_running_loop().create_future()
        if (reply := self._past.tell(key, step, body)) is not None:
            future.set_result(reply)
        elif self._stopped is not None:
            future.set_exception(self._stopped)
        else:
            self._waiting[key] = future
            self._traffic.sent += 1
            self._traffic.in_flight = len(self._waiting)
            self._enter(key, step, body)
            self._note_arrival()
        return future

    async def aclose(self) -> None:
        """Wait for nothing any more; what was sent is worked on without us."""
        if self._timer is not None:
            self._timer.cancel()
        tasks = [batch.task for batch in {*self._live.values()} if batch.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _enter(self, key: str, step: int, body: bytes) -> None:
        if (batch := self._live.get(key)) is not None:
            self._carry(batch)
            return
        if key not in self._queue:
            self._queue[key] = request_line(key, step, body)
            self._queued += len(self._queue[key])
        self._close_batches(full=True)

    def _note_arrival(self) -> None:
        loop = asyncio.get_running_loop()
        self._asked = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self._limits.settle, self._settle, self._asked)

    def _settle(self, asked: float, *, sure: bool = False) -> None:
        """Close the batch when nobody asked since `asked`, nor in a moment more: a busy loop owes others their turn."""
        loop = asyncio.get_running_loop()
        if asked != self._asked:
            self._timer = loop.call_at(self._asked + self._limits.settle, self._settle, self._asked)
            return
        if not sure:
            self._timer = loop.call_later(self._limits.settle / 4, partial(self._settle, asked, sure=True))
            return
        self._timer = None
        self._close_batches()
        if self.api is None and self._waiting:
            self.stop(StoppedError(self._instructions()))

    def _close_batches(self, *, full: bool = False) -> None:
        """Send off what is queued, or only what fills a file; beside other batches only where there is room."""
        while self._queue and not (self._crowded and self._live):
            if full and len(self._queue) < self._limits.requests and self._queued <= self._most_bytes:
                return
            keys, lines = zip(*self._take(), strict=True)
            files = write_batch(self.folder, lines)
            _log.info("%d requests written to %s", len(lines), files.input)
            batch = _Batch(files, [*keys], sum(map(len, lines)), new=True)
            self._live |= dict.fromkeys(keys, batch)
            self._carry(batch)

    def _take(self) -> Iterator[tuple[str, bytes]]:
        """Take what fits into one file from the queue, one request at least."""
        count = size = 0
        while self._queue and count < self._limits.requests:
            more = len(next(iter(self._queue.values())))
            if count and size + more > self._most_bytes:
                return
            count, size = count + 1, size + more
            self._queued -= more
            yield self._queue.popitem(last=False)

    def _carry(self, batch: _Batch) -> None:
        if batch.task is None and self.api is not None:
            batch.task = asyncio.get_running_loop().create_task(self._bring_through(self.api, batch))

    async def _bring_through(self, api: BatchApi, batch: _Batch) -> None:
        def report(state: str) -> None:
            batch.state = state
            self._show()

        limits = self._limits
        try:
            ended = await bring(api, batch.files, new=batch.new, poll=limits.poll, report=report, secret=self._secret)
            await self._end(batch, ended)
        except Exception as error:
            self.stop(error)

    async def _end(self, batch: _Batch, ended: Ended) -> None:
        """Hand out what an ended batch gave; raises what ends the run."""
        missing = {*batch.keys}
        failures: dict[str, tuple[Line, Place | None]] = {}
        steps: set[int] = set()
        for count, (line, place) in enumerate(batch.files.results(self._secret)):
            if count % _AT_A_TIME == 0:
                await asyncio.sleep(0)  # those who got their answers are done with them before the next ones come
            if line.key not in missing:
                continue
            if line.failure is not None:
                failures[line.key] = line, place
                continue
            missing.discard(line.key)
            del self._live[line.key]
            steps.add(line.step)
            self._give(Reply(line, served=True), place)
        for key in missing:
            del self._live[key]
        if ended.failure is not None:
            self._judge(batch, ended, ended.failure)
            whole = ended.failure.code not in CROWDED
            failures = {key: (Line(key, 0, None, ended.failure), None) for key in missing} if whole else {}
        lines = [line for line, _ in failures.values()]
        self._check_progress(ended, answered=len(batch.keys) - len(missing), failures=lines)
        for line, found in failures.values():
            if line.key in missing:
                missing.discard(line.key)
                self._give(Reply(line, served=line.step in steps), found)
        kind = "crowded" if ended.failure else ended.status
        for key in missing:
            if (future := self._waiting.pop(key, None)) is not None and not future.done():
                future.set_exception(TransientLLMError(f"batch {ended.name} ended without it ({kind})", kind=kind))
        self._show()
        if self._crowded:
            self._close_batches()

    def _give(self, reply: Reply, place: Place | None) -> None:
        """Hand a reply to whoever waits for it, or keep it for who will."""
        future = self._waiting.pop(reply.line.key, None)
        if future is not None and not future.done():
            future.set_result(reply)
        elif place is not None:
            self._past.keep(reply, place)

    def _judge(self, batch: _Batch, ended: Ended, failure: Failure) -> None:
        """Make room where a batch was too large; raises FatalLLMError when it can never be taken."""
        if failure.code in CROWDED and (self._live or len(batch.keys) > 1):
            if not self._live:
                self._most_bytes = batch.size // 2
            self._crowded = True
            _log.info("batch %s was too large (%s); smaller ones go one by one", ended.name, failure.message)
        elif failure.code in CROWDED or not (failure.names_format or failure.unsupported):
            place = f"{batch.files.input}" + (f", line {ended.line}" if ended.line is not None else "")
            raise FatalLLMError(
                f"batch {ended.name} was refused: {failure.message}{f' ({failure.code})' if failure.code else ''}; "
                f"see {place}. Mend what it names: its requests then go into another batch."
            )

    def _check_progress(self, ended: Ended, *, answered: int, failures: Sequence[Line]) -> None:
        """Raise StoppedError when batches end and give nothing."""
        troubles = sum(line.failure is not None and line.failure.status >= 429 for line in failures)
        self._barren = 0 if answered else self._barren + (troubles >= SEVERAL)
        if self._barren >= BARREN:
            raise StoppedError(
                f"stopped: {self._barren} batches in a row were not answered at all, last {ended.name}. Look at the "
                f"errors in {self.folder}, then run again to continue."
            )
        if not (answered or failures or ended.failure):
            raise StoppedError(
                f"stopped: batch {ended.name} is {ended.status} without one answer. Run again to send its requests "
                "again in another batch."
            )

    def stop(self, why: Exception) -> Exception:
        """End every wait, now and later, with the error that is given back.

        What is fatal at the beginning is a stop when there were answers before.
        """
        if isinstance(why, FatalLLMError) and self._traffic.answered:
            why = StoppedError(f"stopped: {why} Then run again to continue.")
        self._stopped = self._stopped or why
        waiting = [*self._waiting.values()]
        self._waiting.clear()
        self._queue.clear()
        self._queued = 0
        for future in waiting:
            if not future.done():
                future.set_exception(self._stopped)
        self._show()
        return self._stopped

    def _show(self) -> None:
        """Tell the counters how things are."""
        self._traffic.waiting = tuple(f"batch {batch.state}" for batch in {*self._live.values()} if batch.state)
        self._traffic.in_flight = len(self._waiting)

    def _instructions(self) -> str:
        names = sorted({batch.files.input.name for batch in self._live.values()})
        example = names[0].removesuffix(".input.jsonl")
        count = f"{len(names)} batch files wait" if len(names) > 1 else "a batch file waits"
        return (
            f"stopped: {count} for answers in {self.folder}: {', '.join(names[:5])}{', …' if len(names) > 5 else ''}. "
            f"Run each where the model is, as in `vllm run-batch -i {example}.input.jsonl -o {example}.output.jsonl "
            "--model …`, put the output beside the input, and run again to continue."
        )
