"""A part of an index: rows that were added together, written once and from then on only read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from flows.curation.near.arrays import blocks, distinct, flat_ranges
from flows.curation.near.bounds import Bounds, bounds
from flows.curation.near.corpus import Corpus, read_corpus
from flows.curation.near.hashed import HashedSets, count_slots, element_hashes, first_prefixes, hash_sets, next_prefixes
from flows.curation.near.policy import NearPolicy
from flows.errors import StoreError
from flows.store.atomic import replace_file

_CROWD = 64
"""Sets with one prefix above which they are filed under longer ones."""
_DEEPEST = 4
"""Elements of the longest prefix."""
_PAIRS = 1 << 16
"""Pairs compared at a time."""
_SCHEMA = pa.schema([("text", pa.large_string()), ("name", pa.large_string()), ("group", pa.int64())])
_ARRAYS = ("key", "set", "most", "crowded", "rarity", "size", "held", "bits")


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Rows and the prefixes they are filed under; nothing is read before it is asked for."""

    rows: pa.Table
    """Columns text (the tokens, joined by spaces), name and group."""
    key: NDArray[np.uint64]
    """Hashes of prefixes, ascending, and with the same place the sets filed there ..."""
    set: NDArray[np.uint32]
    most: NDArray[np.uint32]
    """... and their largest overlap possible from there."""
    crowded: NDArray[np.uint64]
    """Prefixes with so many sets that longer prefixes are to be looked up, ascending."""
    rarity: NDArray[np.uint32]
    """Counts of the elements by hash."""
    size: NDArray[np.int64]
    """Elements of each set."""
    held: NDArray[np.int64]
    """Those in its signature."""
    bits: NDArray[np.uint64]
    """Signature of each set, words by sets."""

    def candidates(
        self, corpus: Corpus, rows: NDArray[np.int64], policy: NearPolicy
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield pairs of a row of the corpus and a row of the segment that may be near; one may come more than once."""
        sets = hash_sets(*element_hashes(corpus, rows, policy), self.rarity, policy)
        limits = bounds(policy, int(max(sets.size.max(), self.size.max())))
        prefixes = first_prefixes(sets, corpus.labels[corpus.group[rows]], limits)
        while len(prefixes.entry):
            low, high = (np.searchsorted(self.key, prefixes.key, side) for side in ("left", "right"))
            for some in blocks(high - low, _PAIRS):
                times = (high - low)[some]
                place = flat_ranges(low[some], times)
                one, other = np.repeat(sets.owner[prefixes.entry[some]], times), self.set[place].astype(np.int64)
                total = sets.size[one] + self.size[other]
                overlap = np.minimum(np.repeat(prefixes.most[some], times), self.most[place])
                fits = limits.reach[overlap] >= total
                one, other, total = one[fits], other[fits], total[fits]
                differ = np.bitwise_count(sets.bits[:, one] ^ self.bits[:, other]).sum(axis=0, dtype=np.int64)
                held = (sets.start[one + 1] - sets.start[one]) + self.held[other]
                fits = differ <= held - 2 * limits.need[total]
                pairs = distinct(one[fits] << 32 | other[fits])
                yield rows[pairs >> 32], pairs & 0xFFFFFFFF
            prefixes = next_prefixes(sets, prefixes, _among(prefixes.key, self.crowded), limits)


def write_segment(folder: Path, rows: Mapping[str, Sequence[Any]], policy: NearPolicy) -> None:
    """File rows given as the columns text, name and group; raises StoreError when the folder cannot be written."""
    corpus = read_corpus((text.split() for text in rows["text"]), rows["group"])
    owner, hashes = element_hashes(corpus, np.arange(len(corpus.leader)), policy)
    rarity = count_slots(hashes)
    sets = hash_sets(owner, hashes, rarity, policy)
    arrays: dict[str, NDArray[Any]] = {
        "rarity": rarity,
        "size": sets.size,
        "held": np.diff(sets.start),
        "bits": sets.bits,
    }
    arrays |= _file(sets, corpus.labels[corpus.group], bounds(policy, int(sets.size.max())))
    for name in _ARRAYS:
        with replace_file(folder / f"{name}.npy") as file:
            np.save(file, arrays[name])
    table = pa.table(dict(rows), _SCHEMA)
    with replace_file(folder / "rows.arrow") as file, pa.ipc.new_file(file, _SCHEMA) as writer:
        writer.write_table(table)


def read_segment(folder: Path) -> Segment:
    """Open a segment; raises StoreError when a file is missing or damaged."""
    try:
        rows = pa.ipc.open_file(pa.memory_map(str(folder / "rows.arrow"))).read_all()
        arrays = {name: np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r")) for name in _ARRAYS}
    except (OSError, ValueError, pa.ArrowException) as error:
        raise StoreError(f"{folder}: the index is damaged ({error}); delete it and add the texts again") from None
    return Segment(rows, **arrays)


def _file(sets: HashedSets, group: NDArray[np.int64], limits: Bounds) -> dict[str, NDArray[Any]]:
    """File each set under its prefixes: the first elements it may share, and longer ones where that is a crowd."""
    filed: list[tuple[NDArray[np.uint64], NDArray[np.uint32], NDArray[np.uint32]]] = []
    crowded: list[NDArray[np.uint64]] = []
    prefixes = first_prefixes(sets, group, limits)
    while len(prefixes.entry):
        _, inverse, count = np.unique(prefixes.key, return_inverse=True, return_counts=True)
        crowd = (count[inverse] > _CROWD) & (prefixes.depth < _DEEPEST)
        owner = sets.owner[prefixes.entry]
        size = sets.size[owner]
        stays = ~crowd | (
            size + limits.low[size] <= limits.reach[prefixes.depth]
        )  # so small that more need not be shared
        filed.append((prefixes.key[stays], owner[stays].astype(np.uint32), prefixes.most[stays].astype(np.uint32)))
        crowded.append(np.unique(prefixes.key[crowd]))
        prefixes = next_prefixes(sets, prefixes, crowd, limits)
    key, owner, most = (np.concatenate(parts) for parts in zip(*filed, strict=True))
    order = np.argsort(key)
    return {"key": key[order], "set": owner[order], "most": most[order], "crowded": np.sort(np.concatenate(crowded))}


def _among(values: NDArray[np.uint64], ascending: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which values an ascending array holds."""
    place = np.searchsorted(ascending, values)
    found = np.zeros(len(values), bool)
    inside = place < len(ascending)
    found[inside] = ascending[place[inside]] == values[inside]
    return found
