"""The texts of a segment, filed for one policy under the rare elements that a near-copy must share."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from shutil import rmtree

import numpy as np
from numpy.typing import NDArray

from flows.curation.near.arrays import blocks, distinct, flat_ranges
from flows.curation.near.bounds import Bounds, bounds
from flows.curation.near.corpus import Corpus
from flows.curation.near.policy import NearPolicy
from flows.errors import StoreError
from flows.ids import digest
from flows.index.hashed import (
    HashedSets,
    Prefixes,
    count_slots,
    element_hashes,
    first_prefixes,
    hash_sets,
    hash_words,
    next_prefixes,
)
from flows.store.atomic import replace_file

_CROWD = 256
"""Sets with one prefix above which they are filed under longer ones."""
_DEEPEST = 3
"""Elements of the longest prefix."""
_PAIRS = 1 << 16
"""Pairs compared at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Filing:
    """Sets by the prefixes they are filed under; the arrays are mapped from disk, and read where a search looks."""

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

    def candidates(self, corpus: Corpus, rows: NDArray[np.int64], policy: NearPolicy) -> Iterator[NDArray[np.int64]]:
        """Yield pairs that may be near, row of the corpus << 32 | place in the segment; one may come more than once."""
        owner, hashes = element_hashes(corpus, rows, policy)
        sets = hash_sets(owner, hashes, self.rarity, policy)
        limits = bounds(policy, int(max(sets.size.max(), self.size.max())))
        prefixes = first_prefixes(sets, _group_hashes(corpus)[corpus.group[rows]], limits)
        while len(prefixes.entry):
            low, high = (np.searchsorted(self.key, prefixes.key, side) for side in ("left", "right"))
            for some in blocks(high - low, _PAIRS):
                found = self._compare(sets, prefixes, some, low[some], (high - low)[some], limits)
                yield rows[found >> 32] << 32 | found & 0xFFFFFFFF
            prefixes = next_prefixes(sets, prefixes, _among(prefixes.key, self.crowded), limits)

    def _compare(
        self,
        sets: HashedSets,
        prefixes: Prefixes,
        some: slice,
        low: NDArray[np.int64],
        times: NDArray[np.int64],
        limits: Bounds,
    ) -> NDArray[np.int64]:
        """Hold the sets of some prefixes against those filed there: sizes, places, signatures."""
        place = flat_ranges(low, times)
        one, other = np.repeat(sets.owner[prefixes.entry[some]], times), self.set[place].astype(np.int64)
        total = sets.size[one] + self.size[other]
        overlap = np.minimum(np.repeat(prefixes.most[some], times), self.most[place])
        fits = limits.reach[overlap] >= total
        one, other, total = one[fits], other[fits], total[fits]
        differ = np.bitwise_count(sets.bits[:, one] ^ self.bits[:, other]).sum(axis=0, dtype=np.int64)
        held = (sets.start[one + 1] - sets.start[one]) + self.held[other]
        fits = differ <= held - 2 * limits.need[total]
        return distinct(one[fits] << 32 | other[fits])


def make_filing(corpus: Corpus, policy: NearPolicy) -> Filing:
    """File all rows of a corpus: under the first elements they may share, and longer prefixes where that is a crowd."""
    owner, hashes = element_hashes(corpus, np.arange(len(corpus.group)), policy)
    rarity = count_slots(hashes)
    sets = hash_sets(owner, hashes, rarity, policy)
    limits = bounds(policy, int(sets.size.max()))
    filed: list[tuple[NDArray[np.uint64], NDArray[np.uint32], NDArray[np.uint32]]] = []
    crowded: list[NDArray[np.uint64]] = []
    prefixes = first_prefixes(sets, _group_hashes(corpus)[corpus.group], limits)
    while len(prefixes.entry):
        _, inverse, count = np.unique(prefixes.key, return_inverse=True, return_counts=True)
        crowd = (count[inverse] > _CROWD) & (prefixes.depth < _DEEPEST)
        owner = sets.owner[prefixes.entry]
        size = sets.size[owner]
        # a set so small that it need not share a further element stays findable under this one
        stays = ~crowd | (size + limits.low[size] <= limits.reach[prefixes.depth])
        filed.append((prefixes.key[stays], owner[stays].astype(np.uint32), prefixes.most[stays].astype(np.uint32)))
        crowded.append(np.unique(prefixes.key[crowd]))
        prefixes = next_prefixes(sets, prefixes, crowd, limits)
    key, placed, most = (np.concatenate(parts) for parts in zip(*filed, strict=True))
    order = np.argsort(key)
    return Filing(
        key[order],
        placed[order],
        most[order],
        np.sort(np.concatenate(crowded)),
        rarity,
        sets.size,
        np.diff(sets.start),
        sets.bits,
    )


def filing_name(policy: NearPolicy) -> str:
    """Name the folder of a policy's filing; what is compared is the segment's affair."""
    return "filed-" + digest({key: value for key, value in asdict(policy).items() if key != "compare"})


def write_filing(folder: Path, filing: Filing) -> None:
    """Write the arrays beside `folder` and give them its name, so that it is there wholly or not; raises StoreError."""
    fresh = folder.with_name(f".{folder.name}.new")
    rmtree(fresh, ignore_errors=True)
    for entry in fields(filing):
        with replace_file(fresh / f"{entry.name}.npy") as file:
            np.save(file, getattr(filing, entry.name))
    try:
        fresh.rename(folder)
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written: {error.strerror}") from error


def read_filing(folder: Path) -> Filing:
    """Map the arrays from disk; raises OSError, or ValueError for a file that holds something else."""
    names = [entry.name for entry in fields(Filing)]
    return Filing(*(np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r")) for name in names))


def _group_hashes(corpus: Corpus) -> NDArray[np.uint64]:
    return hash_words(str(label) for label in corpus.labels)


def _among(values: NDArray[np.uint64], ascending: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which values an ascending array holds."""
    place = np.searchsorted(ascending, values)
    found = np.zeros(len(values), bool)
    inside = place < len(ascending)
    found[inside] = ascending[place[inside]] == values[inside]
    return found
