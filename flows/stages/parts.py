"""Spread a round over worker processes, when one core cannot keep the servers full.

Each worker (worker.py) has its own clients with its part of the requests in flight, and every n-th shard. It is told
what to do in a line on its standard input and answers in lines on its standard output: its counters now and then, and
how it ended. It ends when its input closes, as that does with this process however it ends.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from flows import errors
from flows.errors import TriplesmithError, WorkerError
from flows.llm.meter import Paid
from flows.llm.traffic import Traffic
from flows.recipes.model import Stage
from flows.stages.models import concurrency, endpoints
from flows.stages.plan import Round
from flows.stages.projection import from_first_rows
from flows.stages.work import Work
from flows.store.jsonio import dumps, loads

STOP = b"stop\n"
"""Told to a worker that is to ask for nothing more, and to end when what is in flight has come."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one worker is to do."""

    request: Mapping[str, Any]
    """The run's, with folder and seed as they were settled."""
    fingerprint: str
    stage: Stage
    shards: tuple[int, ...]
    units: int
    """Units of a shard."""
    number: int
    of: int
    """How many workers there are."""
    before: Paid
    """What the run has paid before the round."""


@dataclass(frozen=True, slots=True)
class Count:
    """What a worker has done so far."""

    done: int = 0
    written: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    traffic: Mapping[str, Any] = field(default_factory=dict)
    paid: Paid = field(default_factory=Paid)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Count":
        """Build it from what was written."""
        return cls(**{**data, "paid": Paid(**data["paid"])})


def processes(work: Work, stage: Stage, planned: Round) -> int:
    """Say how many processes ask in a round: as many as the recipe says (else one), of models that answer over HTTP."""
    recipe = work.loaded.recipe
    asked = recipe.shards.processes or 1
    wanted = min(asked, planned.shards, concurrency(work.clients, recipe, stage))
    specs = [spec for entry in recipe.models(stage).values() for spec in endpoints(work.request, entry)]
    other = [spec for spec in specs if not spec.startswith(("http://", "https://"))]
    if asked > 1 and other:
        work.progress.tell(f"shards.processes = {asked} is for http endpoints; {other[0]} has one")
    return 1 if other else wanted


def parts_of(work: Work, stage: Stage, planned: Round, of: int) -> list[Part]:
    """Share a round out, shard by shard in turn."""
    work.layout.shared.unlink(missing_ok=True)
    settled = {"out": str(work.layout.root), "seed": work.loaded.recipe.seed}
    request = work.request.model_copy(update=settled).model_dump()
    return [
        Part(
            request=request,
            fingerprint=work.fingerprint,
            stage=stage,
            shards=tuple(planned.numbers[number::of]),
            units=planned.shard_units,
            number=number,
            of=of,
            before=work.meter.paid,
        )
        for number in range(of)
    ]


class Workers:
    """The worker processes of one round."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._running: set[asyncio.subprocess.Process] = set()

    async def run(self, part: Part) -> None:
        """Have a worker do its part; raises what it raised there, once the others are told to stop."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "flows.stages.worker", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        self._running.add(process)
        try:
            error = await self._follow(process, part)
        except BaseException:
            self._stop_others()
            raise
        finally:
            self._running.discard(process)
            if process.returncode is None:
                process.kill()
                await process.wait()
        if error:
            self._stop_others()
            raise error

    async def _follow(self, process: asyncio.subprocess.Process, part: Part) -> TriplesmithError | None:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(dumps(asdict(part)) + b"\n")
        before, error = Count(), None
        async for line in process.stdout:
            said = loads(line)
            if "error" in said:
                error = _error(*said["error"])
            else:
                count = Count.from_json(said)
                self._add(process.pid, before, count)
                before = count
        code = await process.wait()
        if code and not error:
            raise WorkerError(
                f"worker {part.number + 1} of {part.of} ended early (status {code}); run again to continue"
            )
        return error

    def _add(self, process: int, before: Count, now: Count) -> None:
        progress = self._work.progress
        self._work.meter.add(now.paid - before.paid)
        progress.done += now.done - before.done
        progress.written += now.written - before.written
        progress.rejected.update(Counter(now.rejected) - Counter(before.rejected))
        retries = Counter(now.traffic.get("retries", {}))
        waiting = tuple(now.traffic.get("waiting", ()))
        self._work.elsewhere[process] = Traffic(**{**now.traffic, "retries": retries, "waiting": waiting})
        from_first_rows(self._work, now.written - before.written)

    def _stop_others(self) -> None:
        for process in self._running:
            if process.returncode is None and process.stdin is not None:
                process.stdin.write(STOP)


def _error(kind: str, words: str) -> TriplesmithError:
    found = getattr(errors, kind, None)
    return found(words) if isinstance(found, type) and issubclass(found, TriplesmithError) else WorkerError(words)
