"""All near pairs of a set of texts."""

from collections.abc import Hashable, Iterable

import numpy as np

from flows.curation.near.arrays import flat_ranges, starts
from flows.curation.near.corpus import Corpus, read_texts
from flows.curation.near.found import Found, gather
from flows.curation.near.policy import NearPolicy
from flows.curation.near.search import search


def near_pairs(texts: Iterable[str], policy: NearPolicy, *, groups: Iterable[Hashable] | None = None) -> Found:
    """Find every pair of texts of one group with similarity >= threshold, in order of (one, other), one < other."""
    corpus = read_texts(texts, groups)
    leaders = gather(list(search(corpus, policy, corpus.leading)))
    return gather([_spread(corpus, leaders), _equals(corpus)])


def _spread(corpus: Corpus, found: Found) -> Found:
    """Give each pair of leaders to all the rows that equal them."""
    rows, start = corpus.members()
    count = np.diff(start)
    times = count[found.one] * count[found.other]
    place = np.arange(int(times.sum())) - np.repeat(starts(times)[:-1], times)
    wide = np.repeat(count[found.other], times)
    one = rows[np.repeat(start[found.one], times) + place // wide]
    other = rows[np.repeat(start[found.other], times) + place % wide]
    return Found(one, other, np.repeat(found.similarity, times))


def _equals(corpus: Corpus) -> Found:
    """Pair up the rows that have one leader."""
    rows, start = corpus.members()
    place = np.arange(len(rows)) - start[corpus.leader[rows]]
    one = rows[flat_ranges(start[corpus.leader[rows]], place)]
    other = np.repeat(rows, place)
    return Found(one, other, np.ones(len(one)))
