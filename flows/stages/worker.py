"""A worker process of a run: `python -m flows.stages.worker`, started and spoken to by parts.py."""

import asyncio
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, astuple, replace
from typing import Any

from flows import garbage
from flows.errors import StoppedError, TriplesmithError
from flows.llm.meter import Paid
from flows.llm.open import preflight
from flows.llm.traffic import sum_traffic, traffic_of
from flows.llm.types import unwrap
from flows.recipes.load import LoadedRecipe
from flows.stages import generate
from flows.stages.fanout import at_hand, drain_shards
from flows.stages.models import concurrency, open_clients, open_meter
from flows.stages.parts import Count, Part
from flows.stages.progress import Progress
from flows.stages.request import RunRequest
from flows.stages.work import Work, read_request
from flows.store.counters import Counters
from flows.store.jsonio import dumps, loads

TELL_SECONDS = 0.5


def main() -> int:
    """Do one part; returns 0, or 1 when it said why not."""
    # Ctrl-C is for the process that started this one
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as told:
        part = _read(told.readline())
    try:
        asyncio.run(_ask(part))
    except TriplesmithError as error:
        _tell({"error": [type(error).__name__, str(error)]})
        return 1
    except Exception as error:
        _tell({"error": ["WorkerError", f"a worker failed: {type(error).__name__}: {error} (this is a bug)"]})
        return 1
    return 0


def _read(line: bytes) -> Part:
    data = loads(line)
    return Part(**{**data, "shards": tuple(data["shards"]), "before": Paid(**data["before"])})


async def _ask(part: Part) -> None:
    async with _joined(part) as work:
        loop = asyncio.get_running_loop()
        threading.Thread(target=_listen, args=(loop, lambda: _stop(work)), daemon=True).start()
        telling = asyncio.create_task(_keep_telling(work))

        async def one(shard: int) -> None:
            await generate.generate_shard(work, shard)

        at_once = concurrency(work.clients, work.loaded.recipe, part.stage)
        try:
            await drain_shards(one, at_hand(part.shards), work.supply, units=part.units, concurrency=at_once)
        finally:
            telling.cancel()
            with suppress(asyncio.CancelledError):
                await telling
            _tell(_count(work))


@asynccontextmanager
async def _joined(part: Part) -> AsyncIterator[Work]:
    """Open the run that another process holds the lock of."""
    request = RunRequest(**part.request)
    loaded, layout = read_request(request)
    loaded = _share(loaded, part)
    counters = Counters(layout.shared, rows=part.of, columns=len(astuple(Paid())), own=part.number)
    meter = open_meter(loaded, layout, part.before, others=lambda: _paid(counters), changed=_writes(counters))
    clients = open_clients(request, loaded, layout, meter)
    try:
        for client in clients.values():
            await preflight(client)
        garbage.settle()
        yield Work(layout, loaded, part.fingerprint, clients, Progress(), meter, request=request)
    finally:
        for client in clients.values():
            await client.aclose()


def _share(loaded: LoadedRecipe, part: Part) -> LoadedRecipe:
    """Take this worker's part of the requests in flight."""

    def of(whole: int) -> int:
        return max(1, whole // part.of + (part.number < whole % part.of))

    llm = [entry.model_copy(update={"concurrency": of(entry.concurrency)}) for entry in loaded.recipe.llm]
    return replace(loaded, recipe=loaded.recipe.model_copy(update={"llm": llm}))


def _paid(counters: Counters) -> Paid:
    requests, tokens_in, tokens_out, cost = counters.others()
    return Paid(int(requests), int(tokens_in), int(tokens_out), cost)


def _writes(counters: Counters) -> Callable[[Paid], None]:
    return lambda paid: counters.write(astuple(paid))


def _listen(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        loop.call_soon_threadsafe(stop)
    os._exit(1)  # the run is gone; every reply that came is on disk


def _stop(work: Work) -> None:
    work.supply.shut()
    for client in work.clients.values():
        shut = getattr(unwrap(client), "shut", None)
        if shut:
            shut(StoppedError("another process of the run has stopped"))


async def _keep_telling(work: Work) -> None:
    while True:
        await asyncio.sleep(TELL_SECONDS)
        _tell(_count(work))


def _count(work: Work) -> dict[str, Any]:
    progress, traffic = work.progress, sum_traffic(map(traffic_of, work.clients.values()))
    # plain dicts: asdict cannot copy a Counter
    plain = {**asdict(replace(traffic, retries=Counter())), "retries": dict(traffic.retries)}
    return asdict(Count(progress.done, progress.written, dict(progress.rejected), plain, work.meter.own))


def _tell(said: dict[str, Any]) -> None:
    sys.stdout.buffer.write(dumps(said) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    garbage.pause()
    sys.exit(main())
