"""Find all pairs of sets that may be near-copies: an exact join by shared rare elements.

Two near sets share at least `need` elements; in an order rarest first the first shared one stands early in both (prefix
filtering), and so do the first two, the first three. Sets are grouped by their first shared element; a group too large
to compare pair by pair is split by the next shared one, and so on for as long as that leaves fewer pairs. In a group
sets stand by size, and each is compared with a window of sizes only. Bit signatures thin out what is left. Work goes on
in blocks of bounded size; nothing is sampled. Kin to All-Pairs, PPJoin and AdaptJoin.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from flows.curation.near.arrays import blocks, distinct, flat_ranges, mix
from flows.curation.near.bounds import Bounds
from flows.curation.near.elements import Elements

_ENTRIES = 1 << 20
"""Elements grouped at a time."""
_PAIRS = 1 << 16
"""Pairs compared at a time: few enough for the arrays to stay in the processor's cache."""
_CANDIDATES = 1 << 21
"""Candidates gathered before they are given out."""
_WORTH = 32
"""Pairs of a group for each element of its next level, above which splitting it is tried."""
_PATIENCE = 8.0
"""Times its own pairs that the groups split from a first group may have at the next level: a pair that shares several
elements is in several of them, and groups of pairs that share little vanish only after a few levels ..."""
_DECAY = 0.6
"""... and the part of that number that is left at each later level."""


@dataclass(frozen=True, slots=True, eq=False)
class _Groups:
    """Entries of `Elements.code` whose sets share what was read so far: group after group, in each by side and size."""

    depth: int
    """How many shared elements a group stands for; its entries are the last of them."""
    entry: NDArray[np.int64]
    owner: NDArray[np.int32]
    """Set of each entry."""
    group: NDArray[np.int64]
    """Number of each entry's group, from 0 and ascending."""
    parent: NDArray[np.int64]
    """Number of the group one level up that it was split from."""
    size: NDArray[np.int64]
    """Size of each entry's set."""
    most: NDArray[np.int64]
    """Largest overlap still possible for it."""
    low: NDArray[np.int64]
    """It is compared with the entries from `low` ..."""
    high: NDArray[np.int64]
    """... to before `high`."""

    @property
    def pairs(self) -> NDArray[np.int64]:
        """Comparisons in each group."""
        return np.bincount(self.group, self.high - self.low).astype(np.int64)

    def pick(self, groups: NDArray[np.bool_]) -> "_Groups":
        """Keep some groups."""
        kept = groups[self.group]
        shift = np.cumsum(~kept)[kept]
        group = (np.cumsum(groups) - 1)[self.group[kept]]
        return _Groups(
            self.depth,
            self.entry[kept],
            self.owner[kept],
            group,
            self.parent[kept],
            self.size[kept],
            self.most[kept],
            self.low[kept] - shift,
            self.high[kept] - shift,
        )


class Join:
    """The search for candidate pairs within one side, or between the left side and the right."""

    def __init__(self, sets: Elements, limits: Bounds) -> None:
        self._sets = sets
        self._limits = limits
        self._held = np.diff(sets.start).astype(np.int32)
        self._twice = (2 * limits.need).astype(np.int32)
        """Twice the least overlap, by the sum of two sizes."""
        self._bits = np.uint64(len(sets.code).bit_length())
        """Bits in which an entry can be numbered."""

    def candidates(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield pairs of sets (first, second), block by block; a pair may come again in a later block."""
        found: list[NDArray[np.int64]] = []
        waiting = 0
        for pairs in self._all_pairs():
            found.append(pairs)
            waiting += len(pairs)
            if waiting > _CANDIDATES:
                found = [distinct(np.concatenate(found))]
                waiting = len(found[0])
                if waiting > _CANDIDATES // 2:
                    yield found[0] >> 32, found[0] & 0xFFFFFFFF
                    found, waiting = [], 0
        if waiting:
            pairs = distinct(np.concatenate(found))
            yield pairs >> 32, pairs & 0xFFFFFFFF

    def _all_pairs(self) -> Iterator[NDArray[np.int64]]:
        """Group what may be a first shared element, one range of hashes after the other."""
        held = np.diff(self._sets.start)
        prefix = np.clip(self._sets.size - self._limits.least[self._sets.size] + 1 - (self._sets.size - held), 0, held)
        entry = flat_ranges(self._sets.start[:-1], prefix)
        ranges = len(entry) // _ENTRIES + 1
        part = (mix(self._sets.code[entry]) % np.uint64(ranges)).astype(np.uint16)
        entry = entry[np.argsort(part, kind="stable")]
        for low, high in pairwise(np.searchsorted(np.sort(part), np.arange(ranges + 1))):
            groups = self._group(1, entry[low:high], np.zeros(high - low, np.int64))
            yield from self._search(groups, _PATIENCE * groups.pairs)

    def _group(self, depth: int, entry: NDArray[np.int64], parent: NDArray[np.int64]) -> _Groups:
        """Group entries by parent and element and lay the windows; entries alone in their group are dropped.

        Elements are told apart by a hash, cut to what fits in 64 bits beside parent and entry, so that one sort does
        all. Where two elements share one, a group holds pairs it need not.
        """
        above = np.uint64(int(parent.max(initial=0)).bit_length())
        key = parent.astype(np.uint64) << (np.uint64(64) - above) | mix(self._sets.code[entry]) >> above
        slots = np.uint64(max(len(entry).bit_length() + 1, 10))
        slot = (key * np.uint64(0x9E3779B97F4A7C15) >> (np.uint64(64) - slots)).astype(np.int64)
        keep = np.bincount(slot)[slot] > 1
        packed = key[keep] >> self._bits << self._bits | entry[keep].astype(np.uint64)
        packed.sort()
        shared = packed >> self._bits
        same = np.zeros(len(packed) + 1, bool)
        same[1:-1] = shared[1:] == shared[:-1]
        packed, fresh = packed[same[1:] | same[:-1]], ~same[:-1][same[1:] | same[:-1]]
        entry = (packed & ((np.uint64(1) << self._bits) - np.uint64(1))).astype(np.int64)
        group = np.cumsum(fresh) - 1
        owner = self._sets.owner[entry]
        size = self._sets.size[owner]
        most = depth + self._sets.start[owner + 1] - 1 - entry
        low, high = self._windows(group, owner >= self._sets.left, size, most)
        parent = (packed >> (np.uint64(64) - above)).astype(np.int64) if above else np.zeros(len(entry), np.int64)
        return _Groups(depth, entry, owner, group, parent, size, most, low, high)

    def _windows(
        self,
        group: NDArray[np.int64],
        right: NDArray[np.bool_],
        size: NDArray[np.int64],
        most: NDArray[np.int64],
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Range of entries that each is compared with: of its group, of fitting size, and before it or to its left."""
        span = len(self._limits.low)
        place = (group * 2 + right) * span + size
        base = group * 2 * span
        low = np.searchsorted(place, base + self._limits.low[size])
        largest = np.clip(self._limits.reach[most] - size, -1, span - 1)
        high = np.searchsorted(place, base + largest, "right")
        if self._sets.left == len(self._sets.size):
            high = np.minimum(high, np.arange(len(group)))
        else:
            high = np.where(right, high, low)
        return low, np.maximum(low, high)

    def _search(self, groups: _Groups, patience: NDArray[np.floating]) -> Iterator[NDArray[np.int64]]:
        """Compare small groups, and try to split the others; `patience` is how many pairs each may be split into."""
        ahead = self._ahead(groups)
        next_level = np.bincount(groups.group, ahead).astype(np.int64)
        large = (groups.pairs > _WORTH * (next_level + 1)) & (next_level > 0)
        yield from self._compare(groups, np.flatnonzero(~large[groups.group]))
        chosen = np.flatnonzero(large)
        for some in blocks(next_level[chosen], _ENTRIES):
            mask = np.zeros(len(large), bool)
            mask[chosen[some]] = True
            yield from self._split(groups.pick(mask), ahead[mask[groups.group]], patience[mask])

    def _ahead(self, groups: _Groups) -> NDArray[np.int64]:
        """How many elements after each entry may be the next shared one; 0 where it has no partner in the group."""
        compares = groups.high > groups.low
        edges = len(compares) + 1
        opened = np.bincount(groups.low[compares], minlength=edges) - np.bincount(
            groups.high[compares], minlength=edges
        )
        compared = np.cumsum(opened)[:-1] > 0
        ahead = np.minimum(groups.most - self._limits.least[groups.size] + 1, groups.most - groups.depth)
        return np.where(compares | compared, np.maximum(ahead, 0), 0)

    def _split(
        self, groups: _Groups, ahead: NDArray[np.int64], patience: NDArray[np.floating]
    ) -> Iterator[NDArray[np.int64]]:
        """Split groups by the next shared element, or compare them as they are where that leaves too many pairs."""
        deeper = self._group(groups.depth + 1, flat_ranges(groups.entry + 1, ahead), np.repeat(groups.group, ahead))
        left = np.bincount(deeper.parent, deeper.high - deeper.low, minlength=len(patience))
        better = left <= patience
        yield from self._compare(groups, np.flatnonzero(~better[groups.group]))
        enough = int(self._limits.reach[groups.depth])  # sets as small as this need not share a next element
        small = groups.size + self._limits.low[groups.size] <= enough
        yield from self._compare(groups, np.flatnonzero(better[groups.group] & small), enough)
        if len(deeper.entry):
            above = deeper.parent[np.flatnonzero(np.diff(deeper.group, prepend=-1))]
            share = deeper.pairs / np.maximum(left[above], 1)
            picked = better[above]
            yield from self._search(deeper.pick(picked), (_DECAY * patience[above] * share)[picked])

    def _compare(
        self, groups: _Groups, chosen: NDArray[np.int64], most_total: int | None = None
    ) -> Iterator[NDArray[np.int64]]:
        """Yield the packed pairs of chosen entries and their windows that sizes, places and signatures allow."""
        limits = self._limits
        count = groups.high[chosen] - groups.low[chosen]
        room = (limits.reach[groups.most] - groups.size).astype(np.int32)  # the windows look at one side's alone
        size, held = groups.size.astype(np.int32), self._held[groups.owner]
        words = [word[groups.owner] for word in self._sets.bits]  # all by entry: neighbours here, seldom among the sets
        for some in blocks(count, _PAIRS):
            first = flat_ranges(groups.low[chosen[some]], count[some])
            fits = np.flatnonzero(room[first] >= np.repeat(size[chosen[some]], count[some]))
            first, second = first[fits], np.repeat(chosen[some], count[some])[fits]
            total = size[first] + size[second]
            most = held[first] + held[second] - self._twice[total]
            differ = sum(np.bitwise_count(word[first] ^ word[second]).astype(np.int16) for word in words)
            possible = differ <= most
            if most_total is not None:
                possible &= total <= most_total
            one, other = groups.owner[first[possible]], groups.owner[second[possible]]
            yield (one.astype(np.int64) << 32 | other)[one != other]
