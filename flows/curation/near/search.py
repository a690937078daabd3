"""Near-copies among the rows of a corpus, or between two sets of its rows."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from flows.curation.near.bounds import bounds, least_overlap
from flows.curation.near.corpus import Corpus
from flows.curation.near.elements import rank_elements
from flows.curation.near.found import Found
from flows.curation.near.join import Join
from flows.curation.near.judge import Judge
from flows.curation.near.policy import NearPolicy
from flows.curation.near.word_sets import search_word_sets


class Search:
    """The search among some rows of a corpus, which are prepared once."""

    def __init__(self, corpus: Corpus, policy: NearPolicy, rows: NDArray[np.int64]) -> None:
        self._corpus = corpus
        self._policy = policy
        self._filled = np.diff(corpus.start) > 0
        if policy.measure == "token_set":
            return
        rows = rows[self._filled[rows]]
        self._sets = rank_elements(corpus, rows, policy)
        self._set = np.zeros(len(self._filled), np.int32)
        """The set that each row is."""
        self._set[self._sets.row] = np.arange(len(rows))
        self._limits = bounds(policy, int(self._sets.size.max(initial=1)))
        self._judge = Judge(corpus, self._sets, policy)

    def pairs(
        self,
        rows: NDArray[np.int64],
        others: NDArray[np.int64] | None = None,
        alike: NDArray[np.float64] | None = None,
    ) -> Iterator[Found]:
        """Yield all near pairs of rows with each other or, given `others`, with those; a pair may come more than once.

        Rows are ascending, and no two that may be paired are equal. An empty one is near to none. Pairs that are less
        similar than the row's value of `alike` (by row of the corpus) may be missing.
        """
        rows = rows[self._filled[rows]]
        others = None if others is None else others[self._filled[others]]
        if self._policy.measure == "token_set":
            yield from search_word_sets(self._corpus, self._policy.threshold, rows, others)
            return
        left, right = np.sort(self._set[rows]), None if others is None else np.sort(self._set[others])
        least = None
        if alike is not None:
            least = least_overlap(self._policy, alike[self._sets.row[left]], self._sets.size[left])
        for one, other in Join(self._sets, self._limits, left, right, least).candidates():
            similarity = self._judge.similarities(one, other)
            near = similarity >= self._policy.threshold
            yield Found(self._sets.row[one[near]], self._sets.row[other[near]], similarity[near])


def search(
    corpus: Corpus, policy: NearPolicy, rows: NDArray[np.int64], others: NDArray[np.int64] | None = None
) -> Iterator[Found]:
    """Prepare rows, and others, to be searched once."""
    every = rows if others is None else np.union1d(rows, others)
    yield from Search(corpus, policy, every).pairs(rows, others)
