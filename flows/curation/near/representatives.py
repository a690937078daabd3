"""Which rows stay: those that are no near-copy of an earlier row that stays."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from flows.curation.near.corpus import Corpus
from flows.curation.near.found import Found, gather
from flows.curation.near.policy import NearPolicy
from flows.curation.near.search import Search

_FEW_ROWS = 2048
"""Rows all of whose pairs may be held at once."""
_PAIRS_PER_ROW = 8
"""Near pairs for each row that may be held at once when rows are more."""
_AT_ONCE = 1 << 14
"""Rows that are compared with each other before any of them is known to go."""
_PART = 8
"""Of more rows one in so many are settled first, which shows whether near pairs are many ..."""
_MANY = 4
"""... for each row: then most rows that go are to go before the others are compared with each other."""


class Representatives:
    """Finds the rows that stay of some leading rows, and all near pairs of one that goes and one that stays.

    Memory grows with the rows, not with the near pairs, and so does time where copies are many: rows are compared with
    each other when those near to what stays of the rows before them are gone.
    """

    def __init__(self, corpus: Corpus, policy: NearPolicy, offer: Callable[[Found], None]) -> None:
        """Give `offer` the pairs: rows that go (`one`) and rows that stay (`other`), before them or after."""
        self._search = Search(corpus, policy, corpus.leading)
        self._offer = offer
        self._alike = np.zeros(len(corpus.leader))
        """How similar each row is to what stays, as far as is known."""
        self._density = 0.0
        """Near pairs for each of the rows that were last compared with each other."""
        self._last = np.zeros(len(corpus.leader), np.int64)
        """The last row that equals each leading one."""
        self._last[corpus.leader] = np.arange(len(corpus.leader))

    def settle(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Give those that stay of leading rows, near to nothing that stays before them."""
        if len(rows) <= _AT_ONCE:
            return self._together(rows)
        cut = len(rows) // _PART
        first = self.settle(rows[:cut])
        if self._density * _PART < _MANY:
            return self._together(rows)
        return self._follow(rows, cut, first)

    def _follow(self, rows: NDArray[np.int64], cut: int, first: NDArray[np.int64]) -> NDArray[np.int64]:
        """Settle rows of which those before `cut` are settled: `first` stay."""
        head, tail = rows[:cut], rows[cut:]
        for found in self._search.pairs(tail, first):
            self._give(found)
        gone = self._alike > 0
        later = self._together(tail[~gone[tail]])
        gone[head] &= self._last[head] > tail[0]  # rows after it may equal one that goes, and what stays be before them
        for found in self._search.pairs(rows[gone[rows]], later, self._alike):
            self._give(found)
        return np.concatenate([first, later])

    def _together(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Settle rows by all their pairs or, when these are too many to hold, one half after the other."""
        pairs = self._pairs_within(rows)
        if pairs is None:
            cut = len(rows) // 2
            return self._follow(rows, cut, self.settle(rows[:cut]))
        self._density = len(pairs.one) / max(len(rows), 1)
        kept = np.zeros(len(self._last), bool)
        kept[rows] = True
        stays = bytearray(kept)
        order = np.argsort(pairs.other, kind="stable")  # when a row's turn comes, all before it are decided
        for earlier, later in zip(pairs.one[order].tolist(), pairs.other[order].tolist(), strict=True):
            if stays[earlier]:
                stays[later] = 0
        kept = np.frombuffer(stays, bool)
        for one, other in ((pairs.one, pairs.other), (pairs.other, pairs.one)):
            mixed = kept[other] & ~kept[one]
            self._give(Found(one[mixed], other[mixed], pairs.similarity[mixed]))
        return rows[kept[rows]]

    def _give(self, found: Found) -> None:
        np.maximum.at(self._alike, found.one, found.similarity)
        self._offer(found)

    def _pairs_within(self, rows: NDArray[np.int64]) -> Found | None:
        """All near pairs of rows, the earlier row first; None when they are too many to hold."""
        parts: list[Found] = []
        held = 0
        for found in self._search.pairs(rows):
            parts.append(found)
            held += len(found.one)
            if len(rows) > _FEW_ROWS and held > _PAIRS_PER_ROW * len(rows):
                return None
        return gather(parts)
