"""One client of the benchmark in a process of its own: asks for so many rows and prints what that took, as JSON.

    python -m tests.bench.client aiohttp|openai|triplesmith|stage '{"url": …, "rows": …, "slots": …}'

`stage` is triplesmith's generate stage without Prefect around it.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from flows.stages.fanout import drain
from tests.bench.anatomy import sampled
from tests.bench.workload import RECIPE, requests, tasks_for


class Meter:
    """Wall, CPU and memory of this process, from start-up to the end."""

    def __init__(self) -> None:
        self.marks = {"start": (0.0, 0.0)}

    def mark(self, name: str) -> None:
        """Note a moment."""
        self.marks[name] = (time.perf_counter(), time.process_time())

    def taken(self, rows: int, **more: Any) -> dict[str, Any]:
        """Give what lies between the marks `begin` and `end`, and what came before."""
        (wall, cpu), (wall_end, cpu_end) = self.marks["begin"], self.marks["end"]
        times = {"wall_s": wall_end - wall, "cpu_s": cpu_end - cpu, "startup_cpu_s": cpu}
        return {"rows": rows, **times, "peak_mb": peak_mb(), **more}


def peak_mb() -> float:
    """Peak resident memory; of this process alone, where ru_maxrss would count what its parent had."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def children_cpu_s() -> float:
    """CPU seconds of the processes started by this one: Prefect's embedded server, workers."""
    total, queue = 0.0, [path for path in Path("/proc/self/task").glob("*/children")]
    while queue:
        for child in queue.pop().read_text(encoding="ascii").split():
            try:
                fields = Path(f"/proc/{child}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
                total += (int(fields[11]) + int(fields[12])) / 100
                queue += Path(f"/proc/{child}/task").glob("*/children")
            except OSError:
                continue
    return total


async def bare(ask: Callable[[Any], Awaitable[str]], bodies: list[Any], rows: int, slots: int, meter: Meter) -> int:
    """Send, read, append: what any client has to do."""
    texts: list[str] = []

    async def one(body: Any) -> None:
        texts.append(await ask(body))

    meter.mark("begin")
    await drain(one, islice(cycle(bodies), rows), width=slots)
    meter.mark("end")
    return len(texts)


async def by_aiohttp(url: str, rows: int, slots: int, meter: Meter) -> dict[str, Any]:
    """Bare aiohttp and orjson."""
    import aiohttp
    import orjson

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=slots)) as session:
        address = f"{url}/chat/completions"
        headers = {"Content-Type": "application/json", "Authorization": "Bearer x"}

        async def ask(body: bytes) -> str:
            async with session.post(address, data=body, headers=headers) as response:
                return str(orjson.loads(await response.read())["choices"][0]["message"]["content"])

        bodies = [orjson.dumps(body) for body in requests()]
        return meter.taken(await bare(ask, bodies, rows, slots, meter))


async def by_openai(url: str, rows: int, slots: int, meter: Meter) -> dict[str, Any]:
    """Bare `openai.AsyncOpenAI`."""
    import openai

    async with openai.AsyncOpenAI(base_url=url, api_key="x", max_retries=0, timeout=600) as client:

        async def ask(body: dict[str, Any]) -> str:
            return (await client.chat.completions.create(**body)).choices[0].message.content or ""

        return meter.taken(await bare(ask, requests(), rows, slots, meter))


async def by_triplesmith(
    url: str, rows: int, slots: int, meter: Meter, *, changes: list[str], prefect: bool, sampling: bool
) -> dict[str, Any]:
    """The generate stage, from planning its first round to the last sealed shard."""
    from flows.commands.environment import prepare_prefect
    from flows.commands.prefect_server import start_server

    prepare_prefect()
    if prefect:
        start_server()
    from prefect import flow

    from flows.generate import generate
    from flows.stages import generate as stage
    from flows.stages.fanout import drain_shards
    from flows.stages.ledger import generated
    from flows.stages.models import concurrency
    from flows.stages.plan import read_rounds
    from flows.stages.progress import Progress
    from flows.stages.request import RunRequest
    from flows.stages.work import Work, open_work

    async def without_prefect(work: Work, round: int) -> None:
        planned = await work.planning.planned(round)
        assert planned is not None

        async def write(shard: int) -> None:
            await stage.generate_shard(work, shard)

        at_once = concurrency(work.clients, work.loaded.recipe, stage.STAGE)
        await drain_shards(
            write, work.planning.shards(planned), work.supply, units=planned.shard_units, concurrency=at_once
        )

    async def measured() -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            request = RunRequest(
                recipe=RECIPE,
                out=f"{folder}/run",
                rows=rows,
                llm=url,
                model="m",
                changes=[f"llm.concurrency={slots}", *changes],
            )
            async with open_work(request, Progress()) as work:
                tasks = tasks_for(work.loaded)
                before = children_cpu_s()
                with sampled() if sampling else nullcontext(Counter[str]()) as samples:
                    meter.mark("begin")
                    round = stage.plan_round(work, tasks, stage.Slots.empty(work.rows))
                    assert round is not None
                    if prefect:
                        await generate(str(work.layout.root), round)
                    else:
                        await without_prefect(work, round)
                    meter.mark("end")
                return meter.taken(
                    generated(work).out,
                    shards=sum(planned.shards for planned in read_rounds(work.layout, stage.STAGE)),
                    children_cpu_s=children_cpu_s() - before,
                    samples=samples,
                )

    if not prefect:
        return await measured()
    return await flow(measured, name="bench", persist_result=False)()


async def main(kind: str, given: dict[str, Any]) -> dict[str, Any]:
    """Run one client."""
    place = (given["url"], given["rows"], given["slots"], Meter())
    if kind == "aiohttp":
        return await by_aiohttp(*place)
    if kind == "openai":
        return await by_openai(*place)
    prefect, sampling = kind == "triplesmith", given.get("sampling", False)
    return await by_triplesmith(*place, changes=given.get("changes", []), prefect=prefect, sampling=sampling)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], json.loads(sys.argv[2])))))
