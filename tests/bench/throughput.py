"""Rows a second, client CPU and memory of the generate stage, beside bare loops on the same server in the same run.

    python -m tests.bench.throughput                     latency 0, 20 and 200 ms, 64 and 256 slots, and a skewed one
    python -m tests.bench.throughput --quick             the same at a tenth of the rows, in less than two minutes
    python -m tests.bench.throughput --only 0ms/64 --clients aiohttp triplesmith --rows 20000 --repeat 3
    python -m tests.bench.throughput --memory            peak memory at 1,000, 10,000 and 100,000 rows
    python -m tests.bench.throughput --startup           time to the first request beside an empty Prefect flow's start

README.md, beside this file, says what the columns mean.
"""

import argparse
import heapq
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import Request, urlopen

from tests.bench.server import draw_latencies
from tests.bench.workload import RECIPE, replies

ROOT = Path(__file__).parents[2]
CLIENTS = ("aiohttp", "openai", "triplesmith", "stage")
MEMORY_ROWS = (1_000, 10_000, 100_000)


@dataclass(frozen=True)
class Scenario:
    """How the server behaves and how much is asked of it."""

    name: str
    latency: float
    """Seconds; the median when `p99` is given."""
    slots: int
    rows: int
    p99: float = 0.0

    @property
    def ideal_s(self) -> float:
        """Seconds that a server takes whose slots are never idle: the shortest that any client can take."""
        if not self.p99:
            return self.rows * self.latency / self.slots
        free = [0.0] * self.slots
        for latency in draw_latencies(self.latency, self.p99, self.rows):
            heapq.heapreplace(free, free[0] + latency)
        return max(free)


SCENARIOS = (
    Scenario("0ms/64", 0.0, 64, 10_000),
    Scenario("0ms/256", 0.0, 256, 10_000),
    Scenario("20ms/64", 0.020, 64, 20_000),
    Scenario("20ms/256", 0.020, 256, 20_000),
    Scenario("200ms/64", 0.200, 64, 5_000),
    Scenario("200ms/256", 0.200, 256, 10_000),
    Scenario("skew/64", 1.0, 64, 1_000, p99=30.0),
)


class Server:
    """The server process, as the benchmark sees it."""

    def __init__(self, port: int) -> None:
        self.root = f"http://127.0.0.1:{port}"
        self.url = f"{self.root}/v1"

    def start(self, scenario: Scenario) -> None:
        """Begin a scenario."""
        told = {"latency": scenario.latency, "p99": scenario.p99, "slots": scenario.slots, "requests": scenario.rows}
        self._ask("/scenario", json.dumps(told).encode())

    def stats(self) -> dict[str, Any]:
        """Give the counters since the scenario began."""
        return self._ask("/stats")

    def _ask(self, path: str, body: bytes | None = None) -> dict[str, Any]:
        with urlopen(Request(self.root + path, data=body), timeout=30) as response:
            return json.loads(response.read())


@contextmanager
def serving() -> Iterator[Server]:
    """Run the server in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        canned = Path(folder) / "replies.json"
        canned.write_text(json.dumps(replies()), encoding="utf-8")
        command = [sys.executable, "-m", "tests.bench.server", str(canned)]
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            yield Server(int(process.stdout.readline()))
        finally:
            process.communicate()


@contextmanager
def prefect_home() -> Iterator[dict[str, str]]:
    """Give an environment with a Prefect of its own, whose database exists, as on a machine that ran it before."""
    with tempfile.TemporaryDirectory() as folder:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "OPENAI_"))}
        yield {**kept, "PREFECT_HOME": folder, "OPENAI_API_KEY": "x", "PYTHONPATH": str(ROOT)}


def measure(
    server: Server, scenario: Scenario, client: str, environment: dict[str, str], changes: Sequence[str]
) -> dict[str, Any]:
    """Run one client through one scenario."""
    server.start(scenario)
    given = {"url": server.url, "rows": scenario.rows, "slots": scenario.slots, "changes": list(changes)}
    command = [sys.executable, "-m", "tests.bench.client", client, json.dumps(given)]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    result = json.loads(done.stdout.splitlines()[-1])
    stats = server.stats()
    return {
        "scenario": scenario.name,
        "client": client,
        **result,
        "requests": stats["answered"],
        "rows_per_s": result["rows"] / result["wall_s"],
        "of_ideal": scenario.ideal_s / result["wall_s"] if scenario.latency else None,
        "cpu_ms_per_row": 1000 * result["cpu_s"] / result["rows"],
        "server_busy": stats["cpu_s"] / result["wall_s"],
        "peak_in_flight": stats["peak"],
    }


def middle(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Give the run with the median wall time."""
    return sorted(results, key=lambda result: result["wall_s"])[(len(results) - 1) // 2]


COLUMNS = {
    "scenario": "{scenario}",
    "client": "{client}",
    "rows": "{rows:,}",
    "rows/s": "{rows_per_s:,.0f}",
    "of ideal": "{of_ideal:.3f}",
    "CPU ms/row": "{cpu_ms_per_row:.3f}",
    "of openai's": "{of_openai:.2f}",
    "start-up CPU s": "{startup_cpu_s:.1f}",
    "peak MB": "{peak_mb:.0f}",
    "children CPU s": "{children_cpu_s:.1f}",
    "server busy": "{server_busy:.2f}",
}


def table(results: Sequence[dict[str, Any]], columns: dict[str, str]) -> str:
    """Lay results out as a Markdown table; what a result lacks is a dash."""
    lines = ["| " + " | ".join(columns) + " |", "| " + " | ".join("---" for _ in columns) + " |"]
    for result in results:
        cells = []
        for form in columns.values():
            try:
                cells.append(form.format_map(result))
            except (KeyError, TypeError):
                cells.append("–")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def throughput(
    server: Server, scenarios: Sequence[Scenario], clients: Sequence[str], repeat: int, changes: Sequence[str]
) -> list[dict[str, Any]]:
    """Measure every client in every scenario, taking turns."""
    found = []
    with prefect_home() as environment:
        for scenario in scenarios:
            runs: dict[str, list[dict[str, Any]]] = {client: [] for client in clients}
            for _ in range(repeat):
                for client in clients:
                    runs[client].append(measure(server, scenario, client, environment, changes))
            results = [middle(of_client) for of_client in runs.values()]
            base = next((result["cpu_ms_per_row"] for result in results if result["client"] == "openai"), None)
            found += [{**r, "of_openai": r["cpu_ms_per_row"] / base if base else None} for r in results]
    return found


def memory(server: Server, sizes: Sequence[int], changes: Sequence[str]) -> list[dict[str, Any]]:
    """Measure peak memory at several sizes, at no latency: as fast as rows can come."""
    with prefect_home() as environment:
        return [
            measure(server, Scenario(f"{rows} rows", 0.0, 64, rows), "triplesmith", environment, changes)
            for rows in sizes
        ]


EMPTY = """
import time
from flows.commands.environment import prepare_prefect
{prepare}
import asyncio
from prefect import flow

@flow
async def empty():
    print(time.time())

asyncio.run(empty())
"""


def startup(server: Server, repeat: int) -> list[dict[str, Any]]:
    """Measure the seconds from a command's start to the first request, and to the body of an empty flow."""
    kinds = {
        "empty Prefect flow, defaults": EMPTY.format(prepare=""),
        "empty Prefect flow, our settings": EMPTY.format(prepare="prepare_prefect()"),
        "triplesmith run": "",
    }
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    with prefect_home() as environment, tempfile.TemporaryDirectory() as folder:
        for turn in range(repeat + 1):
            for kind, code in kinds.items():
                if code:
                    command = ["-c", code]
                else:
                    out = f"{folder}/{turn}"
                    command = [
                        "-m",
                        "flows",
                        "run",
                        RUN,
                        "--rows",
                        "64",
                        "--out",
                        out,
                        "--llm",
                        server.url,
                        "--model",
                        "m",
                    ]
                    server.start(Scenario("startup", 0.0, 64, 64))
                began = time.time()
                done = subprocess.run(
                    [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
                )
                first = float(done.stdout.split()[-1]) if code else server.stats()["first"]
                if turn:  # the first turn makes the database
                    times[kind].append(first - began)
    base = median(times["empty Prefect flow, our settings"])
    return [
        {"command": kind, "seconds": median(found), "of_empty": median(found) / base, "all": found}
        for kind, found in times.items()
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is asked for and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [scenario.name for scenario in SCENARIOS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--clients", nargs="+", choices=CLIENTS, default=CLIENTS[:3], help=", ".join(CLIENTS))
    parser.add_argument("--rows", type=int, help="rows of every scenario")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, skewed latencies a tenth as long")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each, of which the median is shown")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a key of the recipe")
    parser.add_argument("--memory", type=int, nargs="*", metavar="ROWS", help="peak memory at these sizes instead")
    parser.add_argument("--startup", action="store_true", help="time to the first request instead")
    parser.add_argument("--json", metavar="PATH", help="write the results there as well")
    args = parser.parse_args(argv)
    scenarios = [_sized(s, args.rows, args.quick) for s in SCENARIOS if s.name in args.only]
    with serving() as server:
        if args.startup:
            results = startup(server, args.repeat)
            columns = {"command": "{command}", "seconds": "{seconds:.2f}", "of the empty flow's": "{of_empty:.2f}"}
        elif args.memory is not None:
            results, columns = memory(server, args.memory or MEMORY_ROWS, args.set), COLUMNS
        else:
            results, columns = throughput(server, scenarios, args.clients, args.repeat, args.set), COLUMNS
    print(table(results, columns))
    if args.json:
        Path(args.json).write_text(json.dumps(results, indent=2), encoding="utf-8")
    return 0


def _sized(scenario: Scenario, rows: int | None, quick: bool) -> Scenario:
    if quick:
        scenario = replace(scenario, rows=scenario.rows // 10)
        if scenario.p99:
            scenario = replace(scenario, latency=scenario.latency / 10, p99=scenario.p99 / 10, rows=500)
    return replace(scenario, rows=rows) if rows else scenario


if __name__ == "__main__":
    sys.exit(main())
