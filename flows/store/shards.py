"""Seal a shard's files, and read sealed ones."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from flows.domain.records import Row
from flows.domain.units import Dropped
from flows.store.jsonio import loads, read_lines, write_json, write_lines
from flows.store.layout import Layout

Pace: TypeAlias = Mapping[str, tuple[int, int]]
"""Unix time in whole seconds -> replies that came in that second, and tokens written in them."""


def add_paces(*paces: Pace) -> Pace:
    """Add up what came in the same seconds."""
    sums: dict[str, tuple[int, int]] = {}
    for pace in paces:
        for start, (replies, tokens) in pace.items():
            before = sums.get(start, (0, 0))
            sums[start] = (before[0] + replies, before[1] + tokens)
    return sums


@dataclass(frozen=True, slots=True)
class ModelTally:
    """What one model did in a shard or a stage."""

    asked: int = 0
    """Units."""
    out: int = 0
    """Units that gave something."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Reason -> units without a usable answer."""
    requests: int = 0
    """Calls answered."""
    tokens_in: int = 0
    tokens_out: int = 0

    def __add__(self, other: "ModelTally") -> "ModelTally":
        dropped = dict(Counter(self.dropped) + Counter(other.dropped))
        names = ("requests", "tokens_in", "tokens_out")
        sums = [getattr(self, name) + getattr(other, name) for name in names]
        return ModelTally(self.asked + other.asked, self.out + other.out, dropped, *sums)


@dataclass(frozen=True, slots=True)
class ShardTally:
    """What one shard did."""

    created: int
    """Units asked or rows scored."""
    out: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    requests: Mapping[str, int] = field(default_factory=dict)
    """Family -> model calls answered, second calls included."""
    models: Mapping[str, ModelTally] = field(default_factory=dict)
    """Name of the recipe's entry `[[llm]]` -> what it did."""
    pace: Pace = field(default_factory=dict)
    """When its replies came, whichever process had them."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ShardTally":
        """Build a tally from what was written."""
        models = {name: ModelTally(**tally) for name, tally in data["models"].items()}
        return cls(**{**data, "models": models})


def seal(
    layout: Layout, stage: str, shard: int, out: Iterable[Any], dropped: Iterable[Dropped], tally: ShardTally
) -> None:
    """Write a shard's files; the tally comes last and makes it final."""
    write_lines(layout.dropped(stage, shard), dropped)
    write_lines(layout.rows(stage, shard), out)
    write_json(layout.tally(stage, shard), asdict(tally))
    layout.partial(stage, shard).unlink(missing_ok=True)


def leave(
    layout: Layout, stage: str, shard: int, out: Iterable[Any], dropped: Iterable[Dropped], tally: ShardTally
) -> None:
    """Write what a stopped shard has so far, for a data set of what is there; the shard stays unfinished."""
    write_lines(layout.dropped(stage, shard), dropped)
    write_lines(layout.rows(stage, shard), out)
    write_json(layout.partial(stage, shard), asdict(tally))


def sealed(layout: Layout, stage: str, shard: int) -> ShardTally | None:
    """Give the tally of a finished shard, or None."""
    return _read(layout.tally(stage, shard))


def so_far(layout: Layout, stage: str, shard: int) -> ShardTally | None:
    """Give the tally of a shard that is finished, or was left when its run stopped, or None."""
    return sealed(layout, stage, shard) or _read(layout.partial(stage, shard))


def _read(path: Path) -> ShardTally | None:
    return ShardTally.from_json(loads(path.read_bytes())) if path.exists() else None


def read_rows(layout: Layout, stage: str, shards: Iterable[int]) -> Iterator[Row]:
    """Yield the rows of sealed shards, in order."""
    for shard in shards:
        for data in read_lines(layout.rows(stage, shard)):
            yield Row.from_json(data)


def read_dropped(layout: Layout, stage: str, shards: Iterable[int]) -> Iterator[Dropped]:
    """Yield what sealed shards dropped, in order."""
    for shard in shards:
        for data in read_lines(layout.dropped(stage, shard)):
            yield Dropped(**data)
