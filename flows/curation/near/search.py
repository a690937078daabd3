"""Near-copies among the rows of a corpus, or between two sets of its rows."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from flows.curation.near.bounds import bounds
from flows.curation.near.corpus import Corpus
from flows.curation.near.elements import rank_elements
from flows.curation.near.found import Found
from flows.curation.near.join import Join
from flows.curation.near.judge import Judge
from flows.curation.near.policy import NearPolicy
from flows.curation.near.word_sets import search_word_sets


def search(
    corpus: Corpus, policy: NearPolicy, rows: NDArray[np.int64], others: NDArray[np.int64] | None = None
) -> Iterator[Found]:
    """Yield all near pairs of rows with each other or, given `others`, with those; a pair may come more than once.

    Rows are ascending and no two are equal. An empty one is near to none.
    """
    length = np.diff(corpus.start)
    rows = rows[length[rows] > 0]
    others = None if others is None else others[length[others] > 0]
    if not len(rows) or (others is not None and not len(others)):
        return
    if policy.measure == "token_set":
        yield from search_word_sets(corpus, policy.threshold, rows, others)
        return
    sets = rank_elements(corpus, rows, policy, others)
    judge = Judge(corpus, sets, policy)
    for one, other in Join(sets, bounds(policy, int(sets.size.max()))).candidates():
        similarity = judge.similarities(one, other)
        near = similarity >= policy.threshold
        yield Found(sets.row[one[near]], sets.row[other[near]], similarity[near])
