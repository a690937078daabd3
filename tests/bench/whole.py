"""Measure `triplesmith curate` from end to end: triples of about a kilobyte and a benchmark, read, curated, published.

    python -m tests.bench.whole [--rows N …] [--folder DIR] [--set KEY=VALUE …]

Of 300 benchmark queries half are queries of the data as well. Seconds by stage are read from when the run's files
appear. Memory is sampled every second: of the largest process, and of all together, where pages that processes
share count once (PSS).
"""

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from tests.bench.host import ROOT, prefect_home
from tests.bench.texts import short_rows, triples

BENCHMARK_QUERIES = 300
SAMPLE_SECONDS = 1.0
LEFT_BEHIND = (
    ("import", "import/round-00000.json"),
    ("measure", "curate/scores-*"),
    ("benchmarks", "curate/leaks-*"),
    ("decide, write", "curate/shard-*"),
    ("audits, publish", "publish/README.md"),
    ("report", "report.html"),
)
"""Stage -> files of the run folder, the last of which ends it."""


@dataclass
class Peak:
    """Most memory seen, in MB."""

    process: float = 0.0
    together: float = 0.0


def prepare(folder: Path, rows: int, seed: int) -> tuple[Path, Path]:
    """Write the triples and the benchmark."""
    data, benchmark = folder / f"triples-{rows}.jsonl", folder / f"benchmark-{rows}.jsonl"
    chance, known = random.Random(seed), []
    with data.open("wb") as file:
        for query, positive, negative in triples(rows, seed=seed):
            file.write(orjson.dumps({"query": query, "positive": positive, "negative": negative}) + b"\n")
            if chance.random() < BENCHMARK_QUERIES / rows / 2:
                known.append(query)
    fresh = short_rows(BENCHMARK_QUERIES - len(known), seed=seed + 3)
    benchmark.write_bytes(b"".join(orjson.dumps({"query": query}) + b"\n" for query in [*known, *fresh]))
    return data, benchmark


def measure(data: Path, benchmark: Path, out: Path, changes: list[str], environment: dict[str, str]) -> None:
    """Run it once and print what it took."""
    command = [sys.executable, "-m", "flows", "curate", str(data), "--out", str(out), "--benchmark", str(benchmark)]
    command += [word for change in changes for word in ("--set", change)]
    peak, began = Peak(), time.time()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    while process.poll() is None:
        _sample(process.pid, peak)
        time.sleep(SAMPLE_SECONDS)
    wall, spent = time.time() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert process.stdout is not None
    print(process.stdout.read(), flush=True)
    if process.returncode:
        sys.exit(f"it ended with {process.returncode}")
    cpu = spent.ru_utime + spent.ru_stime - before.ru_utime - before.ru_stime
    rows = sum(1 for _ in data.open("rb"))
    print(f"{rows:,} triples of {data.stat().st_size / rows:,.0f} bytes: {wall:.0f} s, {rows / wall:,.0f} rows/s,")
    print(f"{cpu:.0f} CPU s, {1000 * cpu / rows:.2f} ms a row; peak {peak.process:,.0f} MB in the largest process,")
    print(f"{peak.together:,.0f} MB in all together; run folder {_size(out) / 1e6:,.0f} MB")
    print(", ".join(f"{name} {seconds:.0f} s" for name, seconds in _stages(out, began)), flush=True)


def _sample(root: int, peak: Peak) -> None:
    together, waiting = 0.0, [root]
    while waiting:
        pid = waiting.pop()
        try:
            waiting += [int(child) for each in Path(f"/proc/{pid}/task").glob("*/children") for child in _words(each)]
            status, rollup = Path(f"/proc/{pid}/status").read_text(), Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue  # it has ended
        peak.process = max(peak.process, _kilobytes(status, "VmHWM:") / 1024)
        together += _kilobytes(rollup, "Pss:") / 1024
    peak.together = max(peak.together, together)


def _words(path: Path) -> list[str]:
    return path.read_text().split()


def _kilobytes(text: str, key: str) -> int:
    return int(text.split(key, 1)[1].split(None, 1)[0]) if key in text else 0


def _stages(run: Path, began: float) -> Iterator[tuple[str, float]]:
    for name, pattern in LEFT_BEHIND:
        if times := [path.stat().st_mtime for path in run.glob(pattern)]:
            yield name, max(times) - began
            began = max(times)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a key of the recipe")
    parser.add_argument("--folder", type=Path, help="keep data and run folders there")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, prefect_home() as environment:
        folder = args.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for rows in args.rows:
            data, benchmark = prepare(folder, rows, args.seed)
            measure(data, benchmark, folder / f"run-{rows}", args.set, environment)


if __name__ == "__main__":
    main()
