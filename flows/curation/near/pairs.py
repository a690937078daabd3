"""All near pairs of a set of texts."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flows.curation.near.arrays import flat_ranges, starts
from flows.curation.near.corpus import Corpus, read_corpus
from flows.curation.near.policy import NearPolicy
from flows.curation.near.search import Found, search


def near_pairs(texts: Sequence[str], policy: NearPolicy, *, groups: Sequence[int] | None = None) -> Found:
    """Find every pair of texts of one group with similarity >= threshold, in order of (one, other), one < other."""
    corpus = read_corpus(texts, groups)
    leaders = _gather(list(search(corpus, policy, corpus.unique)))
    found = _gather([_spread(corpus, leaders), _equals(corpus)])
    return found


def _gather(parts: Sequence[Found]) -> Found:
    """Make one list of pairs, each once and in order."""
    if not parts:
        return Found(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    one, other, similarity = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    one, other = np.minimum(one, other), np.maximum(one, other)
    order = np.lexsort((other, one))
    one, other, similarity = one[order], other[order], similarity[order]
    fresh = np.concatenate([np.ones(min(1, len(one)), bool), (one[1:] != one[:-1]) | (other[1:] != other[:-1])])
    return Found(one[fresh], other[fresh], similarity[fresh])


def _members(corpus: Corpus) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Rows by leader, and where and how many each leader's are."""
    count = np.bincount(corpus.leader, minlength=len(corpus.leader))
    return np.argsort(corpus.leader, kind="stable"), starts(count), count


def _spread(corpus: Corpus, found: Found) -> Found:
    """Give each pair of leaders to all the rows that equal them."""
    rows, start, count = _members(corpus)
    times = count[found.one] * count[found.other]
    place = np.arange(int(times.sum())) - np.repeat(starts(times)[:-1], times)
    wide = np.repeat(count[found.other], times)
    one = rows[np.repeat(start[found.one], times) + place // wide]
    other = rows[np.repeat(start[found.other], times) + place % wide]
    return Found(one, other, np.repeat(found.similarity, times))


def _equals(corpus: Corpus) -> Found:
    """Pair up the rows that have one leader."""
    rows, start, count = _members(corpus)
    place = np.arange(len(rows)) - start[corpus.leader[rows]]
    one = rows[flat_ranges(start[corpus.leader[rows]], place)]
    other = np.repeat(rows, place)
    return Found(one, other, np.ones(len(one)))
