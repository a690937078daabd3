"""One representative for every set of near-copies, whatever order the texts come in."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.curation.near.arrays import blocks, flat_ranges
from flows.curation.near.corpus import Corpus, read_texts
from flows.curation.near.found import Found
from flows.curation.near.order import Order
from flows.curation.near.policy import NearPolicy
from flows.curation.near.representatives import Representatives


@dataclass(frozen=True, slots=True)
class Twin:
    """The kept text that a dropped one repeats."""

    index: int
    """Its place among the texts."""
    similarity: float


def near_twins(
    texts: Iterable[str],
    policy: NearPolicy,
    *,
    keys: Sequence[Any] | NDArray[Any] | None = None,
    groups: Iterable[Hashable] | None = None,
) -> list[Twin | None]:
    """Say for each text which kept text it repeats, or None for one that stays.

    A text goes if and only if it is a near-copy of one before it, in the order of `keys`, that stays; its twin is the
    most similar of those, the first of equals. So something of every set of near-copies stays, and which text that is
    does not depend on the order in which they are given. Keys are a row's own (its id, its place in a plan) and compare
    with each other; without them, and where two are equal, a digest of the text decides. `groups` has a name or number
    for each text; only texts of one group are compared. Texts are read once and only their words' numbers are held.
    Raises ValueError when there are not as many keys or groups as texts.
    """
    order = Order(keys)
    corpus = read_texts(order.watch(texts), groups, order.places)
    best = _Best(corpus)
    kept = Representatives(corpus, policy, best.offer).settle(corpus.leading)
    best.offer(Found(kept, kept, np.ones(len(kept))))
    places = order.places(len(corpus.leader))
    twins: list[Twin | None] = [None] * len(places)
    for row, twin, similarity in zip(*best.twins(), strict=True):
        twins[places[row]] = Twin(int(places[twin]), similarity)
    return twins


class _Best:
    """The best twin found so far for every row."""

    def __init__(self, corpus: Corpus) -> None:
        self._members, self._start = corpus.members()
        self._twin = np.zeros(len(corpus.leader), np.int64)
        self._similarity = np.zeros(len(corpus.leader))

    def offer(self, found: Found) -> None:
        """Take leading rows (`one`) and kept rows near to them (`other`), which rows equal to the former repeat too."""
        count = self._start[found.one + 1] - self._start[found.one]
        for some in blocks(count, 1 << 20):
            row = self._members[flat_ranges(self._start[found.one[some]], count[some])]
            twin = np.repeat(found.other[some], count[some])
            similarity = np.repeat(found.similarity[some], count[some])
            earlier = twin < row
            self._improve(row[earlier], twin[earlier], similarity[earlier])

    def _improve(self, row: NDArray[np.int64], twin: NDArray[np.int64], similarity: NDArray[np.float64]) -> None:
        """Keep the most similar twin of each row, the earliest of equals."""
        row = np.concatenate([row, row])
        twin = np.concatenate([twin, self._twin[row[: len(twin)]]])
        similarity = np.concatenate([similarity, self._similarity[row[: len(similarity)]]])
        order = np.lexsort((twin, -similarity, row))
        first = order[np.diff(row[order], prepend=-1) != 0]
        self._twin[row[first]] = twin[first]
        self._similarity[row[first]] = similarity[first]

    def twins(self) -> tuple[list[int], list[int], list[float]]:
        """Give the rows that have a twin, these and how similar the two are."""
        row = np.flatnonzero(self._similarity)
        return row.tolist(), self._twin[row].tolist(), self._similarity[row].tolist()
