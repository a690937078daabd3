"""Near-copies among the rows of a corpus, or between two sets of its rows."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flows.curation.near.bounds import bounds
from flows.curation.near.corpus import Corpus
from flows.curation.near.elements import rank_elements
from flows.curation.near.join import Join
from flows.curation.near.judge import Judge
from flows.curation.near.policy import NearPolicy


class Found(NamedTuple):
    """Near pairs as three arrays of one length."""

    one: NDArray[np.int64]
    """Rows; in a search between two sets of rows, those of the first set."""
    other: NDArray[np.int64]
    similarity: NDArray[np.float64]


def search(
    corpus: Corpus, policy: NearPolicy, rows: NDArray[np.int64], others: NDArray[np.int64] | None = None
) -> Iterator[Found]:
    """Yield all near pairs of rows with each other or, given `others`, with those; a pair may come more than once."""
    if not len(rows) or (others is not None and not len(others)):
        return
    sets = rank_elements(corpus, rows, policy, others)
    judge = Judge(corpus, sets, policy)
    for one, other in Join(sets, bounds(policy, int(sets.size.max()))).candidates():
        similarity = judge.similarities(one, other)
        near = similarity >= policy.threshold
        yield Found(sets.row[one[near]], sets.row[other[near]], similarity[near])


def gather(parts: Sequence[Found]) -> Found:
    """Make one list of pairs, each once and in order."""
    if not parts:
        return Found(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    one, other, similarity = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    one, other = np.minimum(one, other), np.maximum(one, other)
    order = np.lexsort((other, one))
    one, other, similarity = one[order], other[order], similarity[order]
    fresh = np.concatenate([np.ones(min(1, len(one)), bool), (one[1:] != one[:-1]) | (other[1:] != other[:-1])])
    return Found(one[fresh], other[fresh], similarity[fresh])
