"""One representative for every set of near-copies, by order alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flows.curation.near.arrays import blocks, flat_ranges
from flows.curation.near.corpus import Corpus, read_corpus
from flows.curation.near.found import Found
from flows.curation.near.policy import NearPolicy
from flows.curation.near.representatives import Representatives


@dataclass(frozen=True, slots=True)
class Twin:
    """The kept text that a dropped one repeats."""

    index: int
    similarity: float


def near_twins(texts: Sequence[str], policy: NearPolicy, *, groups: Sequence[int] | None = None) -> list[Twin | None]:
    """Say for each text which kept text it repeats, or None for one that stays.

    A text goes if and only if it is a near-copy of an earlier text that stays; its twin is the most similar of those,
    the earliest of equals. So the outcome follows from the order of the texts alone, and something of every set of
    near-copies stays. `groups` holds a number for each text; only texts of one group are compared.
    """
    corpus = read_corpus(texts, groups)
    best = _Best(corpus)
    chosen = Representatives(corpus, policy, corpus.leading)
    kept = np.concatenate([chosen.kept, corpus.empty])
    best.offer(Found(kept, kept, np.ones(len(kept))))
    for found in chosen.relations():
        best.offer(found)
    return best.twins()


class _Best:
    """The best twin found so far for every row."""

    def __init__(self, corpus: Corpus) -> None:
        self._members, self._start = corpus.members()
        self._twin = np.full(len(corpus.leader), -1)
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

    def twins(self) -> list[Twin | None]:
        """Give the twin of each row."""
        return [
            Twin(twin, similarity) if similarity > 0 else None
            for twin, similarity in zip(self._twin.tolist(), self._similarity.tolist(), strict=True)
        ]
