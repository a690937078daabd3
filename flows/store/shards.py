"""Seal a shard's files, and read sealed ones."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from flows.domain.records import Row
from flows.domain.units import Dropped
from flows.store.jsonio import loads, read_lines, write_json, write_lines
from flows.store.layout import Layout


@dataclass(frozen=True, slots=True)
class ShardTally:
    """What one shard did."""

    created: int
    """Units asked or rows scored."""
    out: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    requests: Mapping[str, int] = field(default_factory=dict)
    """Family -> model calls answered, second calls included."""
    tokens: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Model -> tokens read and written."""


def seal(
    layout: Layout, stage: str, shard: int, out: Iterable[Any], dropped: Iterable[Dropped], tally: ShardTally
) -> None:
    """Write a shard's files; the tally comes last and makes it final."""
    write_lines(layout.dropped(stage, shard), dropped)
    write_lines(layout.rows(stage, shard), out)
    write_json(layout.tally(stage, shard), asdict(tally))


def sealed(layout: Layout, stage: str, shard: int) -> ShardTally | None:
    """Give the tally of a finished shard, or None."""
    path = layout.tally(stage, shard)
    return ShardTally(**loads(path.read_bytes())) if path.exists() else None


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
