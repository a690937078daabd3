"""All near pairs of a set of texts."""

from collections.abc import Hashable, Iterable

import numpy as np

from flows.curation.near.arrays import flat_ranges
from flows.curation.near.corpus import Corpus, read_texts
from flows.curation.near.found import Found, gather
from flows.curation.near.policy import NearPolicy
from flows.curation.near.search import search


def near_pairs(texts: Iterable[str], policy: NearPolicy, *, groups: Iterable[Hashable] | None = None) -> Found:
    """Find every pair of texts of one group with similarity >= threshold, in order of (one, other), one < other."""
    corpus = read_texts(texts, groups)
    return gather([*(_spread(corpus, found) for found in search(corpus, policy, corpus.leading)), _equals(corpus)])


def _spread(corpus: Corpus, found: Found) -> Found:
    """Give each pair of leaders to all the rows that equal them."""
    rows, start = corpus.members()
    count = np.diff(start)
    pair = np.repeat(np.arange(len(found.one)), count[found.one])
    one, other = rows[flat_ranges(start[found.one], count[found.one])], found.other[pair]
    wide = count[other]
    return Found(np.repeat(one, wide), rows[flat_ranges(start[other], wide)], np.repeat(found.similarity[pair], wide))


def _equals(corpus: Corpus) -> Found:
    """Pair up the rows that have one leader."""
    rows, start = corpus.members()
    place = np.arange(len(rows)) - start[corpus.leader[rows]]
    one = rows[flat_ranges(start[corpus.leader[rows]], place)]
    other = np.repeat(rows, place)
    return Found(one, other, np.ones(len(one)))
