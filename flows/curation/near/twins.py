"""One representative for every set of near-copies, by order alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flows.curation.near.arrays import blocks, flat_ranges
from flows.curation.near.corpus import Corpus, read_corpus
from flows.curation.near.found import Found
from flows.curation.near.index import Index
from flows.curation.near.policy import NearPolicy
from flows.curation.near.representatives import Representatives
from flows.curation.tokens import tokens


@dataclass(frozen=True, slots=True)
class Twin:
    """The kept text that a dropped one repeats."""

    index: int
    """Its place among the texts, or in the index of known ones."""
    similarity: float
    known: bool = False
    """Whether it is one of the known texts."""


def near_twins(
    texts: Sequence[str],
    policy: NearPolicy,
    *,
    groups: Sequence[int] | None = None,
    known: Index | None = None,
    names: Sequence[str] = (),
) -> list[Twin | None]:
    """Say for each text which kept text it repeats, or None for one that stays.

    A text goes if and only if it is a near-copy of a known text or of an earlier text that stays; its twin is the most
    similar of those, the earliest of equals, known ones before all others. So the outcome follows from the order of the
    texts alone, and something of every set of near-copies stays. `groups` holds a number for each text; only texts of
    one group are compared. Known texts under any of `names` are passed over: what an interrupted run has added of these
    very texts.
    """
    corpus = read_corpus(map(tokens, texts), groups)
    best = _Best(corpus)
    repeats = np.zeros(len(corpus.leader), bool)
    before = 0 if known is None else len(known)  # known texts have the places -before to -1
    for found in known.search(corpus, corpus.leading, names) if known is not None and len(texts) else ():
        best.offer(Found(found.one, found.other - before, found.similarity))
        repeats[found.one] = True
    chosen = Representatives(corpus, policy, corpus.leading[~repeats[corpus.leading]])
    best.offer(Found(chosen.kept, chosen.kept, np.ones(len(chosen.kept))))
    for found in chosen.relations(np.flatnonzero(repeats)):
        best.offer(found)
    return [
        Twin(place if place >= 0 else place + before, similarity, known=place < 0) if similarity else None
        for place, similarity in best.twins()
    ]


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

    def twins(self) -> Iterator[tuple[int, float]]:
        """Give place and similarity of each row's twin; similarity 0 where there is none."""
        return zip(self._twin.tolist(), self._similarity.tolist(), strict=True)
