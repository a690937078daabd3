"""Find all pairs of sets that may be near-copies: an exact join by shared rare elements.

Two near sets share at least `need` elements, so the first shared one stands early in both (prefix filtering, as in
All-Pairs and PPJoin), and so do the first two, the first three (AdaptJoin). Sets are grouped by their first shared
element; a group too large to compare pair by pair is split by the next shared one, and so on, for as long as that
lessens the pairs. In a group sets stand by size, and each is compared with a window of sizes only. What is left of the
pairs is thinned by the bit signatures. Work goes on in blocks of bounded size; nothing is sampled.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from flows.curation.near.arrays import distinct
from flows.curation.near.bounds import Bounds
from flows.curation.near.elements import Elements

_ENTRIES = 1 << 20
"""Elements grouped at a time."""
_PAIRS = 1 << 21
"""Pairs compared, and candidates gathered, at a time."""
_WORTH = 4
"""Pairs of a group for each element of its next level, above which splitting it is tried."""


@dataclass(frozen=True, slots=True, eq=False)
class _Groups:
    """Entries of `Elements.code` that share what was read so far, group after group, each by side and size."""

    depth: int
    """How many shared elements each group stands for; the entry is the last of them."""
    entry: NDArray[np.int64]
    group: NDArray[np.int64]
    """Number of each entry's group, ascending."""
    parent: NDArray[np.int64]
    """Number of the group one level up that each entry's group was split from."""
    size: NDArray[np.int64]
    most: NDArray[np.int64]
    """Largest overlap that is still possible for each entry's set."""
    low: NDArray[np.int64]
    """Each entry is compared with the entries from `low` ..."""
    high: NDArray[np.int64]
    """... to before `high`."""

    def pick(self, entries: NDArray[np.bool_]) -> "_Groups":
        """Keep whole groups, given by a mask over the entries."""
        gone = np.cumsum(~entries)
        parts = {
            name: getattr(self, name)[entries] for name in ("entry", "group", "parent", "size", "most", "low", "high")
        }
        parts["low"] -= gone[entries]
        parts["high"] -= gone[entries]
        return replace(self, **parts)


class Join:
    """The search for candidate pairs among sets, within one side or between two."""

    def __init__(self, sets: Elements, limits: Bounds) -> None:
        self._sets = sets
        self._limits = limits
        self._held = np.diff(sets.start)
        self._bits = np.uint64(len(sets.code).bit_length())
        """Bits that number an entry."""

    def candidates(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield pairs of sets (first, second), in blocks; between blocks a pair may come again."""
        found: list[NDArray[np.int64]] = []
        for pairs in self._pairs():
            found.append(pairs)
            if sum(map(len, found)) > _PAIRS:
                found = [distinct(np.concatenate(found))]
                if len(found[0]) > _PAIRS // 2:
                    yield found[0] >> 32, found[0] & 0xFFFFFFFF
                    found = []
        if found:
            pairs = distinct(np.concatenate(found))
            yield pairs >> 32, pairs & 0xFFFFFFFF

    def _pairs(self) -> Iterator[NDArray[np.int64]]:
        """Group the prefixes by their elements, a range of hashes at a time."""
        ...
