"""The faults that a run must live through, and what is measured of each."""

import json
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from flows.domain.units import Unit
from flows.store.jsonio import read_lines
from tests.servers.openai_server import MALFORMED, REPLIES, Config

RECIPE = """
name = "faults"
description = "rows without brainstorming"
rows = 24
[languages]
en = 0.5
de = 0.5
[families.sts]
share = 0.5
prompt = "e5/sts"
[families.bitext]
share = 0.5
prompt = "e5/bitext"
[llm]
concurrency = 8
timeout = 1.0
max_stall = 3.0
[limits]
requests_per_row = 8.0
[shards]
units = 12
"""
ROWS = 24
IN_FLIGHT = 8


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong."""

    name: str
    config: Config
    code: int = 0
    """Exit code; after any but 0 the same command must complete the run once the fault is gone."""
    most: float = 1.5
    """Most requests for an accepted row, those of the rerun included."""
    changes: tuple[str, ...] = ()
    """Keys of the recipe that are set otherwise."""


def _faults() -> Iterable[Fault]:
    for share, most in ((0.05, 1.5), (0.3, 2.5), (0.9, 25.0)):
        config = Config(rate_429=share, retry_after=0.01)
        yield Fault(f"429 at {share:.0%}", config, most=most, changes=("llm.max_stall=60",))
    yield Fault("429 for ever", Config(always=429), code=3, most=6.0)
    yield Fault("429 that asks to wait an hour", Config(always=429, retry_after=3600), code=3, most=2.0)
    yield Fault("503 for ever", Config(always=503), code=3, most=6.0)
    yield Fault("500 at 20%", Config(rate_500=0.2), most=2.5)
    yield Fault("500 for ever", Config(always=500), code=3, most=10.0)
    yield Fault("502 with HTML at 20%", Config(rate_502_html=0.2), most=2.5)
    yield Fault("reset at 20%", Config(rate_reset=0.2), most=2.5)
    yield Fault("stall at 20%", Config(rate_stall=0.2), most=2.5)
    yield Fault("slow drip at 20%", Config(rate_drip=0.2), most=2.5)
    yield Fault("truncated body at 20%", Config(rate_truncated_body=0.2), most=2.5)
    yield Fault("wrong content type at 20%", Config(rate_wrong_type=0.2), most=2.5)
    for kind in MALFORMED:
        yield Fault(f"malformed at 40%: {kind}", Config(rate_malformed=0.4, malformed=kind), most=4.0)
    yield Fault("cut by length at 40%", Config(rate_length=0.4), most=2.0)
    yield Fault("refusal at 30%", Config(rate_refusal=0.3), most=2.5)
    yield Fault("content filter at 30%", Config(rate_content_filter=0.3), most=2.5)
    yield Fault("empty content at 30%", Config(rate_empty=0.3), most=4.0)
    yield Fault("one poison row", Config(poison=r"Sample: 7 \([^\n]*\)$"), most=1.5)
    yield Fault("key expires in mid-run", Config(expire_after=10), code=3, most=2.0)
    yield Fault(
        "everything at once",
        Config(
            rate_429=0.05,
            rate_500=0.05,
            rate_502_html=0.05,
            rate_reset=0.05,
            rate_truncated_body=0.05,
            rate_wrong_type=0.05,
            rate_malformed=0.1,
            rate_refusal=0.05,
            rate_empty=0.05,
            retry_after=0.01,
        ),
        most=4.0,
    )


FAULTS = tuple(_faults())


HEAD = ("fault", "exit", "rows", "requests/row", "nulls", "lost", "doubled", "paid twice", "seconds")
WIDTHS = (36, 9, 5, 13, 6, 5, 8, 11, 8)


def in_columns(cells: Iterable[str]) -> str:
    """Lay a line of the table out."""
    first, *others = zip(cells, WIDTHS, strict=True)
    return f"{first[0]:<{first[1]}}" + "".join(f"{cell:>{width}}" for cell, width in others)


@dataclass
class Measured:
    """A line of the table."""

    fault: str
    codes: str
    accepted: int
    requests: float
    """For each accepted row."""
    nulls: int
    """Values without a text in what is published."""
    lost: int
    """Units and rows of which a later stage knows nothing."""
    doubled: int
    """Units or rows that came out twice."""
    twice: int
    """Requests that were answered more than once."""
    seconds: float

    def __str__(self) -> str:
        numbers = (self.accepted, f"{self.requests:.2f}", self.nulls, self.lost, self.doubled, self.twice)
        return in_columns([self.fault, self.codes, *map(str, numbers), f"{self.seconds:.1f}"])


class Clock:
    def __init__(self) -> None:
        self.began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began


def measure(name: str, codes: Iterable[int], run: Path, log: Path, seconds: float) -> Measured:
    """Look at a run folder and at what its server was asked."""
    asked = [*read_lines(log)] if log.exists() else []
    paid = Counter(line["body"] for line in asked if line["outcome"] in ("ok", *REPLIES))
    accepted = _ids(run, "curate/shard-*")
    lost, doubled = _account(run)
    nulls, published = _published(run)
    if published != len(accepted):
        lost += abs(published - len(accepted))
    return Measured(
        name,
        " → ".join(map(str, codes)),
        len(accepted),
        len(asked) / max(1, len(accepted)),
        nulls,
        lost,
        doubled,
        paid.total() - len(paid),
        seconds,
    )


def _account(run: Path) -> tuple[int, int]:
    """Follow every planned unit to its end: through generation, then through curation."""
    fingerprint = json.loads((run / "manifest.json").read_text())["fingerprint"]
    planned = Counter(
        Unit(**ask["unit"]).key(fingerprint) for path in run.glob("generate/plan-*.jsonl") for ask in read_lines(path)
    )
    written, dropped = _ids(run, "generate/shard-*"), _ids(run, "generate/dropped-*")
    ended = Counter(written) + Counter(dropped)
    judged = Counter(_ids(run, "curate/shard-*")) + Counter(_ids(run, "curate/dropped-*"))
    lost = (planned - ended).total() + (Counter(written) - judged).total()
    return lost, (ended - planned).total() + (judged - Counter(written)).total()


def _ids(run: Path, pattern: str) -> list[str]:
    return [line["id"] for path in sorted(run.glob(pattern)) for line in read_lines(path)]


def _published(run: Path) -> tuple[int, int]:
    """Count values without a text, and the rows of the config that has all."""
    nulls = rows = 0
    for path in run.glob("publish/data/*/*.parquet"):
        table = pq.read_table(path)
        if path.parent.name == "full":
            rows += table.num_rows
            table = table.select(["id", "family", "task", "instruction", "query", "positives", "negatives"])
        for column in table.itercolumns():
            nulls += sum(_missing(value) for value in column.to_pylist())
    return nulls, rows


def _missing(value: object) -> int:
    if isinstance(value, list):
        return sum(_missing(entry["text"] if isinstance(entry, dict) else entry) for entry in value)
    return value is None or (isinstance(value, str) and not value.strip())
