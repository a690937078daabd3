"""Texts as sets of elements, rarest first, and the bags that jaccard counts in: shingles."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flows.curation.near.arrays import blocks, flat_ranges, mix
from flows.curation.near.corpus import Corpus
from flows.curation.near.policy import NearPolicy

_BLOCK = 1 << 20
"""Tokens worked on at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Bags:
    """Ids of tokens or shingles, row after row, without those that can have no partner."""

    ids: NDArray[np.int32]
    start: NDArray[np.int64]
    lone: NDArray[np.int64]
    """How many distinct ids of each row were left out because no other row holds them."""


@dataclass(frozen=True, slots=True, eq=False)
class Elements:
    """Each row as a set: of shingles, or of tokens told apart by occurrence (the second `the` is another element).

    The overlap of two sets bounds the texts' longest common subsequence from above, and is what jaccard counts.
    In each row elements stand rarest first in one order for all rows, the lone ones, left out, before all others.
    Bags are ordered by side, then by size.
    """

    row: NDArray[np.int64]
    """Row of the corpus that each bag is."""
    right: NDArray[np.bool_]
    """Whether the bag is on the right side; bags of a self-join are all on the left one."""
    size: NDArray[np.int64]
    """Elements of each bag, lone ones included."""
    start: NDArray[np.int64]
    """Where each bag begins in `code`."""
    code: NDArray[np.int64]
    """The elements that may have partners, ascending within the bag; the group is part of each."""
    owner: NDArray[np.int32]
    """Bag of each entry of `code`."""
    room: NDArray[np.int32]
    """How many elements of the same bag stand after each entry."""
    bits: NDArray[np.uint64]
    """Bag signatures, words by bags: each element sets one bit."""

    @property
    def held(self) -> NDArray[np.int64]:
        """How many elements of each bag are in `code`."""
        return np.diff(self.start)


def rank_elements(
    corpus: Corpus, rows: NDArray[np.int64], policy: NearPolicy, right: NDArray[np.bool_] | None = None
) -> Elements:
    """Turn rows into sets; with sides (`right`), elements of one side alone count as lone."""
    bags = _shingle_bags(corpus, rows, policy.shingle) if policy.measure == "jaccard" else _token_bags(corpus, rows)
    sides = np.zeros(len(rows), bool) if right is None else right
    shared, rank = _rarity(bags, sides, two_sided=right is not None)
    groups = int(corpus.group.max(initial=0)) + 1
    codes: list[NDArray[np.int64]] = []
    held = np.zeros(len(rows), np.int64)
    lone = bags.lone.copy()
    length = np.diff(bags.start)
    for some in blocks(length, _BLOCK):
        ids = bags.ids[bags.start[some.start] : bags.start[some.stop]]
        owner = np.repeat(np.arange(some.stop - some.start), length[some])
        keep = shared[ids]
        found = (owner[keep] << 32) | rank[ids[keep]]
        found.sort()
        again = np.concatenate([np.zeros(min(1, len(found)), bool), found[1:] == found[:-1]])
        if policy.measure == "jaccard":
            found = found[~again]
        code = found & 0xFFFFFFFF
        if policy.measure != "jaccard":
            place = np.arange(len(found))
            code += (place - np.maximum.accumulate(np.where(again, 0, place))) * len(rank)
        owner = found >> 32
        codes.append(code * groups + corpus.group[rows[some]][owner])
        held[some] = np.bincount(owner, minlength=some.stop - some.start)
        ...
    raise NotImplementedError
