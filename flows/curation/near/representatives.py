"""Which rows stay: those that are no near-copy of an earlier row that stays."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from flows.curation.near.corpus import Corpus
from flows.curation.near.found import Found, gather
from flows.curation.near.policy import NearPolicy
from flows.curation.near.search import search

_FEW_ROWS = 2048
"""Rows all of whose pairs may be held at once."""
_PAIRS_PER_ROW = 8
"""Near pairs for each row that may be held at once when rows are more."""


class Representatives:
    """The rows that stay of some leading rows, and how the others are related to them.

    Memory grows with the rows, not with the near pairs: rows with too many pairs are settled in halves, the later half
    once the copies of what stays of the earlier one are gone from it.
    """

    def __init__(self, corpus: Corpus, policy: NearPolicy, rows: NDArray[np.int64]) -> None:
        self._corpus = corpus
        self._policy = policy
        self._rows = rows
        self._kept = np.zeros(len(corpus.leader), bool)
        self._pairs = self._settle(rows)

    @property
    def kept(self) -> NDArray[np.int64]:
        """The rows that stay, ascending."""
        return np.flatnonzero(self._kept)

    def relations(self) -> Iterator[Found]:
        """Yield all near pairs of a row that goes (`one`) and a row that stays (`other`), before it or after."""
        if self._pairs is None:
            yield from search(self._corpus, self._policy, self._rows[~self._kept[self._rows]], self.kept)
            return
        pairs = self._pairs
        for one, other in ((pairs.one, pairs.other), (pairs.other, pairs.one)):
            mixed = self._kept[other] & ~self._kept[one]
            yield Found(one[mixed], other[mixed], pairs.similarity[mixed])

    def _settle(self, rows: NDArray[np.int64]) -> Found | None:
        """Mark what stays of rows that nothing kept so far is near to; returns their pairs unless too many."""
        pairs = self._pairs_within(rows)
        if pairs is None:
            first, second = rows[: len(rows) // 2], rows[len(rows) // 2 :]
            self._settle(first)
            copies = np.zeros(len(self._kept), bool)
            for found in search(self._corpus, self._policy, second, first[self._kept[first]]):
                copies[found.one] = True
            self._settle(second[~copies[second]])
            return None
        stays = bytearray(b"\1") * len(self._kept)
        order = np.argsort(pairs.other, kind="stable")  # when a row's turn comes, all before it are decided
        for one, other in zip(pairs.one[order].tolist(), pairs.other[order].tolist(), strict=True):
            if stays[one]:
                stays[other] = 0
        self._kept[rows] = np.frombuffer(stays, bool)[rows]
        return pairs

    def _pairs_within(self, rows: NDArray[np.int64]) -> Found | None:
        """All near pairs of rows, the earlier row first; None when they are too many to hold."""
        parts: list[Found] = []
        held = 0
        for found in search(self._corpus, self._policy, rows):
            parts.append(found)
            held += len(found.one)
            if len(rows) > _FEW_ROWS and held > _PAIRS_PER_ROW * len(rows):
                return None
        return gather(parts)
