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

from flows.curation.near.arrays import blocks, differences, distinct, flat_ranges, mix, runs, starts
from flows.curation.near.bounds import Bounds
from flows.curation.near.elements import Elements

_ENTRIES = 1 << 19
"""Elements grouped at a time."""
_BLOCK = 1 << 17
"""Elements told apart at a time: few enough for the arrays to stay in the processor's cache."""
_PAIRS = 1 << 15
"""Pairs compared at a time, for the same reason."""
_FRACTION = 2
"""Bits after the point in which a bound on the difference of signatures is counted."""
_CANDIDATES = 1 << 20
"""Candidates gathered before they are given out ..."""
_CANDIDATES_PER_SET = 2
"""... or so many for each set: a pair that shares several elements is to come once."""
_WORTH = 32
"""Pairs of a group for each element of its next level, above which splitting it is tried."""
_PATIENCE = 8.0
"""Times its own pairs that the groups split from a first group may have at the next level: a pair that shares several
elements is in several of them, and groups of pairs that share little vanish only after a few levels ..."""
_DECAY = 0.6
"""... and the part of that number that is left at each later level."""


@dataclass(frozen=True, slots=True, eq=False)
class _Groups:
    """Entries of `Elements.code` whose sets share what was read so far: by group and side, to the left by size."""

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
    """The search for candidate pairs among some sets or, given others, between those and these."""

    def __init__(
        self,
        sets: Elements,
        limits: Bounds,
        some: NDArray[np.integer],
        others: NDArray[np.integer] | None = None,
        least: NDArray[np.int64] | None = None,
    ) -> None:
        """Join `some` sets, numbered in ascending order; `least` is the overlap that each of them is to have."""
        self._sets = sets
        self._limits = limits
        self._chosen = some if others is None else np.concatenate([some, others])
        self._right: NDArray[np.bool_] | None = None
        """Whether each set is one of the others."""
        if others is not None:
            self._right = np.zeros(len(sets.size), bool)
            self._right[others] = True
        self._least = limits.least[sets.size]
        """Least overlap that each set must have."""
        if least is not None:
            self._least[some] = np.maximum(self._least[some], least)
        self._held = np.diff(sets.start).astype(np.int32)
        slope = float((limits.need[1:] / np.arange(1, len(limits.need))).min()) - 1e-9
        spare = np.ceil((self._held - 2 * slope * sets.size) * (1 << _FRACTION))
        self._spare = spare.astype(np.int16 if np.abs(spare).max(initial=0) < 1 << 14 else np.int32)
        """What a set adds to the most by which two signatures may differ, times 1 << _FRACTION."""
        self._twice = (2 * limits.need).astype(np.int32)
        """Twice the least overlap, by the sum of two sizes."""

    def candidates(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield pairs of sets (first, second), block by block; a pair may come again in a later block."""
        most = max(_CANDIDATES, _CANDIDATES_PER_SET * len(self._chosen))
        held, fresh = np.zeros(0, np.int64), [np.zeros(0, np.int64)]
        waiting = 0
        for pairs in self._all_pairs():
            fresh.append(pairs)
            waiting += len(pairs)
            if waiting > most:
                held, fresh, waiting = self._with(held, fresh), [held[:0]], 0
            if len(held) > most:
                yield held >> 32, held & 0xFFFFFFFF
                held = held[:0]
        held = self._with(held, fresh)
        yield held >> 32, held & 0xFFFFFFFF

    def _with(self, held: NDArray[np.int64], fresh: list[NDArray[np.int64]]) -> NDArray[np.int64]:
        """Add what is likely of the packed pairs to those held."""
        return distinct(np.concatenate([held, self._likely(distinct(np.concatenate(fresh)))]))

    def _likely(self, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of the packed pairs that the longer signatures allow."""
        likely = [pairs[:0]]
        for some in (pairs[at : at + _PAIRS] for at in range(0, len(pairs), _PAIRS)):
            one, other = some >> 32, some & 0xFFFFFFFF
            differ = differences(word.take(one) ^ word.take(other) for word in self._sets.fine)
            total = self._sets.size.take(one) + self._sets.size.take(other)
            most = self._held.take(one) + self._held.take(other) - self._twice.take(total)
            likely.append(some.compress(differ <= most))
        return np.concatenate(likely)

    def _all_pairs(self) -> Iterator[NDArray[np.int64]]:
        """Group what may be a first shared element, one range of hashes after the other."""
        for entry in self._ranges():
            groups = self._group(1, entry, np.zeros(len(entry), np.int64))
            yield from self._search(groups, _PATIENCE * groups.pairs)

    def _ranges(self) -> Iterator[NDArray[np.int64]]:
        """Yield the entries that may be a first shared element, those of one range of hashes after the other."""
        held = self._held[self._chosen]
        prefix = np.clip(held - self._least[self._chosen] + 1, 0, held)
        count = int(prefix.sum(dtype=np.int64)) // _ENTRIES + 1
        parts = [(np.zeros(0, np.int64), np.zeros(count + 1, np.int64))]
        for some in blocks(prefix, _BLOCK):
            entry = flat_ranges(self._sets.start.take(self._chosen[some]), prefix[some])
            number = (mix(self._sets.code.take(entry)) % np.uint64(count)).astype(np.uint16)
            order = np.argsort(number, kind="stable")
            parts.append((entry.take(order), starts(np.bincount(number, minlength=count))))
        for low, high in pairwise(range(count + 1)):
            yield np.concatenate([entry[edges[low] : edges[high]] for entry, edges in parts])

    def _group(self, depth: int, entry: NDArray[np.int64], parent: NDArray[np.int64]) -> _Groups:
        """Group entries by parent and element and lay the windows; entries alone in their group are dropped.

        Elements are told apart by a hash, cut to what fits in 64 bits beside parent and place, so that one sort does
        all. Where two elements share one, a group holds pairs it need not. Among sets of one side, those to the right
        are the entries so late in their sets that these may be near to smaller ones alone; they stand in any order.
        """
        above = np.uint64(int(parent.max(initial=0)).bit_length())
        key = parent.astype(np.uint64) << (np.uint64(64) - above) | mix(self._sets.code[entry]) >> above
        slots = max(len(entry).bit_length() + 1, 10)
        slot = (key * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(64 - slots)).astype(np.int64)
        if self._right is None:
            keep = np.bincount(slot)[slot] > 1
        else:
            other = self._right.take(self._sets.owner.take(entry))
            seen = np.zeros((2, 1 << slots), bool)
            seen[0, slot[~other]] = seen[1, slot[other]] = True
            keep = (seen[0] & seen[1])[slot]
        entry, key = entry.compress(keep), key.compress(keep)
        owner = self._sets.owner.take(entry)  # looked up while entries stand as their sets do
        size = self._sets.size.take(owner)
        most = depth + self._sets.start.take(owner + 1) - 1 - entry
        right = self._limits.reach.take(most) < 2 * size if self._right is None else other.compress(keep)
        place = np.uint64(len(entry).bit_length())
        bits = place + np.uint64(1)
        packed = key >> bits << bits | right.astype(np.uint64) << place | np.arange(len(entry), dtype=np.uint64)
        packed, fresh = runs(packed, int(bits))
        right = (packed >> place & np.uint64(1)).astype(bool)
        group = np.cumsum(fresh) - 1
        taken = (packed & ((np.uint64(1) << place) - np.uint64(1))).astype(np.int64)
        entry, owner, size, most = entry.take(taken), owner.take(taken), size.take(taken), most.take(taken)
        low, high = self._windows(group, right, size, most)
        parent = (packed >> (np.uint64(64) - above)).astype(np.int64) if above else np.zeros(len(entry), np.int64)
        return _Groups(depth, entry, owner, group, parent, size, most, low, high)

    def _windows(
        self,
        group: NDArray[np.int64],
        right: NDArray[np.bool_],
        size: NDArray[np.int64],
        most: NDArray[np.int64],
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Range of entries that each is compared with: of its group's left side, of fitting size, before it."""
        span = len(self._limits.low)
        base = group * 2 * span
        place = base + right * span + size
        head = np.flatnonzero(np.diff(group, prepend=-1))[group]
        least, largest = self._limits.low.take(size), np.clip(self._limits.reach.take(most) - size, -1, span - 1)
        high = np.arange(len(group)) if self._right is None else np.zeros(len(group), np.int64)
        cut = np.flatnonzero(right)
        high[cut] = np.searchsorted(place, (base + largest)[cut], "right")
        low = head.copy()
        small = np.flatnonzero(size.take(head) < least)  # elsewhere no entry of the group is too small
        low[small] = np.searchsorted(place, (base + least)[small])
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
        ahead = np.minimum(groups.most - self._least.take(groups.owner) + 1, groups.most - groups.depth)
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
        count = groups.high[chosen] - groups.low[chosen]
        bits = self._sets.bits.take(groups.owner, axis=1)  # by entry: neighbours here, seldom among the sets
        spare = self._spare.take(groups.owner)
        room = self._limits.reach.take(groups.most) - groups.size  # the windows look at one side's alone
        for some in blocks(count, _PAIRS):
            here, times = chosen[some], count[some]
            first, second = flat_ranges(groups.low.take(here), times), np.repeat(here, times)
            differ = differences(word.take(first) ^ np.repeat(word.take(here), times) for word in bits)
            likely = np.flatnonzero(differ <= (spare.take(first) + np.repeat(spare.take(here), times)) >> _FRACTION)
            first, second = first.take(likely), second.take(likely)
            size = groups.size.take(second)
            possible = room.take(first) >= size
            if most_total is not None:
                possible &= groups.size.take(first) + size <= most_total
            one, other = groups.owner.take(first.compress(possible)), groups.owner.take(second.compress(possible))
            yield (one.astype(np.int64) << 32 | other).compress(one != other)
