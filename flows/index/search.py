"""Search the segments of an index for near-copies of texts."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from flows.curation.near.arrays import distinct
from flows.curation.near.corpus import Corpus, read_corpus, read_texts
from flows.curation.near.elements import rank_elements
from flows.curation.near.judge import Judge
from flows.curation.near.policy import NearPolicy
from flows.curation.near.search import search
from flows.index.filing import Filing
from flows.index.segment import Segment

_PAIRS = 1 << 18
"""Candidates judged at a time."""
_LOW = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Known:
    """The entry of an index that a text repeats."""

    id: str
    """Id of the row in the run that had it."""
    similarity: float
    words: str
    """Its words, as they are compared."""


def search_segments(
    segments: Sequence[tuple[Segment, Filing | None]],
    texts: Iterable[str],
    policy: NearPolicy,
    groups: Iterable[str],
    own: Collection[str],
) -> list[Known | None]:
    """Give for each text the most similar near entry of its group that is not in `own`, the earliest of equals.

    Segments come with their filings; without one all pairs are looked at.
    """
    corpus = read_texts(texts, groups)
    best: dict[int, tuple[float, Segment, int]] = {}
    own = set(own)
    for segment, filing in segments if len(corpus.leader) else ():
        for pairs, similarity in _near(segment, filing, corpus, policy):
            strange = np.array([id_ not in own for id_ in segment.ids(pairs & _LOW)], bool)
            for row, place, alike in zip(*_first(pairs[strange], similarity[strange]), strict=True):
                if row not in best or (alike, -place) > _rank(best[row], segment):
                    best[row] = (alike, segment, place)
    found: dict[int, Known] = {}
    for segment, _ in segments:
        rows = [row for row, held in best.items() if held[1] is segment]
        places = np.array([best[row][2] for row in rows], np.int64)
        for row, id_, words in zip(rows, segment.ids(places), segment.texts(places), strict=True):
            found[row] = Known(id_, best[row][0], words)
    return [found.get(leader) for leader in corpus.leader.tolist()]


def _rank(held: tuple[float, Segment, int], segment: Segment) -> tuple[float, float]:
    """Rank what is held against a place in a segment: what stands in an earlier segment wins over equals."""
    alike, where, place = held
    return alike, -place if where is segment else float("inf")


def _first(pairs: NDArray[np.int64], similarity: NDArray[np.float64]) -> tuple[list[int], list[int], list[float]]:
    """Row, place and similarity of each row's best pair."""
    order = np.lexsort((pairs & _LOW, -similarity, pairs >> 32))
    first = order[np.diff(pairs[order] >> 32, prepend=-1) != 0]
    return (pairs[first] >> 32).tolist(), (pairs[first] & _LOW).tolist(), similarity[first].tolist()


def _near(
    segment: Segment, filing: Filing | None, corpus: Corpus, policy: NearPolicy
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Yield near pairs, row << 32 | place, and their similarities."""
    if filing is None:
        yield from _all_near(segment, corpus, policy)
        return
    found: list[NDArray[np.int64]] = []
    waiting = 0
    for part in chain(filing.candidates(corpus, corpus.leading, policy), [None]):
        if part is not None:
            found.append(part)
            waiting += len(part)
        if waiting > _PAIRS or (part is None and waiting):
            pairs = distinct(np.concatenate(found))
            similarity = _judge(segment, corpus, pairs, policy)
            near = similarity >= policy.threshold
            yield pairs[near], similarity[near]
            found, waiting = [], 0


def _judge(segment: Segment, corpus: Corpus, pairs: NDArray[np.int64], policy: NearPolicy) -> NDArray[np.float64]:
    """Score candidates exactly."""
    rows, one = np.unique(pairs >> 32, return_inverse=True)
    places, other = np.unique(pairs & _LOW, return_inverse=True)
    both = read_corpus(chain(corpus.texts(rows), map(str.split, segment.texts(places))))
    sets = rank_elements(both, np.arange(len(both.group)), policy)
    at = np.empty(len(both.group), np.int64)
    at[sets.row] = np.arange(len(sets.row))
    similarity = Judge(both, sets, policy).similarities(at[one], at[len(rows) + other])
    similarity[(sets.size[at[one]] == 0) & (sets.size[at[len(rows) + other]] == 0)] = 1.0
    return similarity


def _all_near(
    segment: Segment, corpus: Corpus, policy: NearPolicy
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Look at all pairs, for the measure that nothing can be filed for."""
    rows, places = corpus.leading, np.arange(len(segment))
    groups = chain((str(corpus.labels[group]) for group in corpus.group[rows].tolist()), segment.groups())
    both = read_corpus(chain(corpus.texts(rows), map(str.split, segment.texts(places))), groups)
    for found in search(both, policy, np.arange(len(rows)), len(rows) + places):
        yield rows[found.one] << 32 | found.other - len(rows), found.similarity
    equal = np.flatnonzero(both.leader[len(rows) :] < len(rows))
    yield rows[both.leader[len(rows) :][equal]] << 32 | equal, np.ones(len(equal))
