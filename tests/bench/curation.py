"""Measure curation: near-duplicates beside other libraries, their growth up to a million rows, the index of runs.

    python -m tests.bench.curation [peers] [scale] [index] [--rows N …] [--million] [--threshold T …] [--repeat K]

Rows are recorded replies of a language model, perturbed (see texts.py). Without a name all parts run. CPU is that of
the process; peak is memory beyond what was held before. datasketch, rensa and semhash are measured where installed.
"""

import argparse
import gc
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from flows.curation.near import NearPolicy, near_twins
from flows.curation.tokens import tokens
from flows.index.index import Entry, Index
from tests.bench.peers import METHODS, all_pairs, join
from tests.bench.texts import long_rows, short_rows


@dataclass(frozen=True)
class Measured:
    result: Any
    seconds: float
    cpu: float
    peak: float
    """MB; nan where Linux's counters are not there."""


def measure(work: Callable[[], object], repeat: int = 1) -> Measured:
    """Give the median of some runs, and the memory of the first."""
    runs = [_measure(work) for _ in range(repeat)]
    return replace(sorted(runs, key=lambda run: run.cpu)[repeat // 2], peak=runs[0].peak)


def _measure(work: Callable[[], object]) -> Measured:
    gc.collect()
    before = _status("VmRSS")
    if before == before:
        Path("/proc/self/clear_refs").write_text("5")
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return Measured(result, time.perf_counter() - wall, time.process_time() - cpu, _status("VmHWM") - before)


def _status(key: str) -> float:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return float("nan")
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(key))


def table(*columns: tuple[str, str]) -> Callable[..., None]:
    """Print a head line; gives what prints a line of values, each in its column's format."""
    widths = [max(len(name) + 2, 10) for name, _ in columns]
    print("".join(f"{name:>{width}}" for (name, _), width in zip(columns, widths, strict=True)))

    def line(*values: object) -> None:
        cells = zip(values, columns, widths, strict=True)
        print("".join(f"{format(value, form):>{width}}" for value, (_, form), width in cells), flush=True)

    return line


def peers(texts: Sequence[str], policy: NearPolicy, most_all_pairs: int, repeat: int) -> None:
    """Print every method's time, recall and precision; the truth are all pairs, beyond `most_all_pairs` the join's."""
    words = sum(len(tokens(text)) for text in texts[:2000]) / len(texts[:2000])
    print(f"\n{len(texts):,} rows of {words:.0f} words, {policy.measure} >= {policy.threshold}")
    seconds, shares = [("s", ".2f"), ("CPU s", ".2f")], [("recall", ".4f"), ("precision", ".4f")]
    numbers = [*seconds, ("rows/s", ",.0f"), ("pairs", ","), *shares, ("peak MB", ".0f"), ("CPU, of ours", ".1f")]
    line = table((" " * 30 + "method", ""), *numbers)
    join(texts[:1000], policy)  # imports and tables are not what is measured
    ours = measure(lambda: join(texts, policy), repeat)
    truth = ours.result
    for method in METHODS:
        if len(texts) > (most_all_pairs if method.find is all_pairs else method.most_rows):
            continue
        if method.needs and not find_spec(method.needs):
            print(f"{method.name}: not installed")
            continue
        found = ours if method.find is join else measure(partial(method.find, texts, policy), repeat)
        truth = found.result if method.find is all_pairs else truth
        pairs, common = len(found.result), len(np.intersect1d(found.result, truth))
        recall, precision = common / max(len(truth), 1), common / max(pairs, 1)
        speed, ratio = len(texts) / found.seconds, found.cpu / ours.cpu
        line(method.name, found.seconds, found.cpu, speed, pairs, recall, precision, found.peak, ratio)


def scale(sizes: Sequence[int], policy: NearPolicy, repeat: int, seed: int) -> None:
    """Print time and memory per row of the choice of representatives; sizes take turns, growth is within a turn."""
    print(f"\nrepresentatives, {policy.measure} >= {policy.threshold}")
    numbers = [("s", ".1f"), ("CPU s", ".1f"), ("us/row", ".1f"), ("dropped", ","), ("peak MB", ".0f")]
    line = table(("rows", ","), *numbers, ("us/row, of the first", ".2f"))
    near_twins(short_rows(1000, seed=seed), policy)  # imports and tables are not what is measured
    turns = [[_chosen(rows, policy, seed) for rows in sizes] for _ in range(repeat)]
    for rows, *runs in zip(sizes, *turns, strict=True):
        found = sorted(runs, key=lambda run: run.cpu)[repeat // 2]
        growth = median(run.cpu / turn[0].cpu for run, turn in zip(runs, turns, strict=True)) * sizes[0] / rows
        line(rows, found.seconds, found.cpu, 1e6 * found.cpu / rows, found.result, runs[0].peak, growth)


def _chosen(rows: int, policy: NearPolicy, seed: int) -> Measured:
    """Measure how many of so many rows go."""
    texts = short_rows(rows, seed=seed)
    found = measure(partial(near_twins, texts, policy, keys=np.arange(rows)))
    return replace(found, result=sum(twin is not None for twin in found.result))


def index(sizes: Sequence[int], new: int, policy: NearPolicy, seed: int) -> None:
    """Print how long new rows take to be compared with, and added to, indexes of earlier rows."""
    print(f"\n{new:,} new rows beside an index, {policy.measure} >= {policy.threshold}")
    numbers = [("find CPU s", ".2f"), ("add CPU s", ".2f"), ("us/new row", ".0f"), ("known", ","), ("peak MB", ".0f")]
    line = table(("held", ","), ("build CPU s", ".1f"), *numbers)
    for held in sizes:
        texts = short_rows(held + new, seed=seed)
        with tempfile.TemporaryDirectory() as folder:
            kept = Index(Path(folder))
            built = measure(partial(_build, kept, texts[:held], policy))
            found = measure(partial(kept.find, texts[held:], policy, [""] * new))
            fresh = [text for text, twin in zip(texts[held:], found.result, strict=True) if twin is None]
            added = measure(partial(kept.put, (), {"query": _entries(fresh, held)}))
        each = 1e6 * (found.cpu + added.cpu) / new
        line(held, built.cpu, found.cpu, added.cpu, each, new - len(fresh), found.peak)


def _build(kept: Index, texts: Sequence[str], policy: NearPolicy) -> None:
    kept.put((), {"query": _entries(texts, 0)})
    kept.find([""], policy, [""])  # files what was put


def _entries(texts: Sequence[str], first: int) -> Iterator[Entry]:
    return ((f"{first + place:016x}", "", tokens(text)) for place, text in enumerate(texts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help="peers, scale, index")
    parser.add_argument("--rows", type=int, nargs="+", default=[5_000, 20_000, 100_000])
    parser.add_argument("--million", action="store_true", help="a million rows too, in scale and index")
    parser.add_argument("--documents", type=int, default=1_000, help="long rows for the peers")
    parser.add_argument("--threshold", type=float, nargs="+", default=[0.9, 0.7], help="of rows, of tasks")
    parser.add_argument("--all-pairs", type=int, default=20_000, help="most rows that all pairs are looked at of")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each method and size; the median counts")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    parts = args.parts or ["peers", "scale", "index"]
    sizes = [*args.rows, *([1_000_000] if args.million else [])]
    for threshold in args.threshold:
        policy = NearPolicy("rouge_l", threshold)
        if "peers" in parts:
            for rows in args.rows:
                peers(short_rows(rows, seed=args.seed), policy, args.all_pairs, args.repeat)
            long = NearPolicy("jaccard", threshold, shingle=3)
            peers([*long_rows(args.documents, seed=args.seed)], long, 2_000, args.repeat)
        if "scale" in parts:
            scale(sizes, policy, args.repeat, args.seed)
        if "index" in parts:
            index(sizes, 5_000, policy, args.seed)


if __name__ == "__main__":
    sys.exit(main())
