"""Rows a second, client CPU and memory of the generate stage, beside bare loops on the same server in the same run.

    python -m tests.bench.throughput                     latency 0, 20 and 200 ms, 64 and 256 slots, and a skewed one
    python -m tests.bench.throughput --quick             the same at a tenth of the rows, in less than two minutes
    python -m tests.bench.throughput --only 0ms/64 --clients aiohttp triplesmith --rows 20000 --repeat 3
    python -m tests.bench.throughput --memory            peak memory at 1,000, 10,000 and 100,000 rows
    python -m tests.bench.throughput --where             what each microsecond of a row is spent on
    python -m tests.bench.throughput --startup           time to the first request beside an empty Prefect flow's start

README.md, beside this file, says what the columns mean.
"""

import argparse
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.bench import startup
from tests.bench.anatomy import microseconds
from tests.bench.host import ROOT, Scenario, Server, prefect_home, serving

CLIENTS = ("aiohttp", "openai", "triplesmith", "stage")
MEMORY_ROWS = (1_000, 10_000, 100_000)


SCENARIOS = (
    Scenario("0ms/64", 0.0, 64, 10_000),
    Scenario("0ms/256", 0.0, 256, 10_000),
    Scenario("20ms/64", 0.020, 64, 20_000),
    Scenario("20ms/256", 0.020, 256, 20_000),
    Scenario("200ms/64", 0.200, 64, 5_000),
    Scenario("200ms/256", 0.200, 256, 20_000),
    Scenario("skew/64", 1.0, 64, 1_000, p99=30.0),
)


def measure(
    server: Server,
    scenario: Scenario,
    client: str,
    environment: dict[str, str],
    changes: Sequence[str],
    *,
    sampling: bool = False,
) -> dict[str, Any]:
    """Run one client through one scenario."""
    server.start(scenario)
    given = {"url": server.url, "rows": scenario.rows, "slots": scenario.slots, "changes": list(changes)}
    given["sampling"] = sampling
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


PURPOSES = {"what for": "{purpose}", "µs/row": "{us:.0f}", "share": "{share:.0%}"}


def where(server: Server, rows: int, changes: Sequence[str]) -> list[dict[str, Any]]:
    """Share the CPU of the generate stage out among its purposes, at no latency."""
    with prefect_home() as environment:
        scenario = Scenario("where", 0.0, 64, rows)
        result = measure(server, scenario, "triplesmith", environment, changes, sampling=True)
    spent = microseconds(Counter(result["samples"]), result["cpu_s"], result["rows"])
    spent["all"] = sum(spent.values())
    return [{"purpose": purpose, "us": us, "share": us / spent["all"]} for purpose, us in spent.items()]


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
    parser.add_argument("--where", action="store_true", help="what the client's CPU is spent on, row by row, instead")
    parser.add_argument("--startup", action="store_true", help="time to the first request instead")
    parser.add_argument("--json", metavar="PATH", help="write the results there as well")
    args = parser.parse_args(argv)
    scenarios = [_sized(s, args.rows, args.quick) for s in SCENARIOS if s.name in args.only]
    with serving() as server:
        if args.startup:
            with prefect_home() as environment:
                results, columns = startup.measure(server, args.repeat, environment), startup.COLUMNS
        elif args.where:
            results, columns = where(server, args.rows or 10_000, args.set), PURPOSES
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
