"""Texts as sets whose elements stand rarest first: the form in which they are joined."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flows.curation.near.arrays import blocks, count, signatures, starts, take_ranges
from flows.curation.near.bags import Bags, shingle_bags, token_bags
from flows.curation.near.corpus import Corpus
from flows.curation.near.policy import NearPolicy


@dataclass(frozen=True, slots=True, eq=False)
class Elements:
    """Each row as a set: of shingles, or of tokens told apart by occurrence (a second `the` is another element).

    The overlap of two sets is what jaccard counts, and bounds the longest common subsequence of two texts from above.
    All sets follow one order, rarest first. Elements that no other set holds would come before all others and are left
    out; they count in `size` alone.
    """

    row: NDArray[np.int64]
    """Row of the corpus that each set is; ordered by size."""
    size: NDArray[np.int64]
    """Elements of each set."""
    start: NDArray[np.int64]
    """Where each set begins in `code`; one more than there are sets."""
    code: NDArray[np.integer]
    """The elements, ascending in each set; the same number never stands for elements of two groups."""
    owner: NDArray[np.int32]
    """Set of each entry of `code`."""
    bits: NDArray[np.uint64]
    """Signature of each set: words by sets, one bit set by each element."""
    fine: NDArray[np.uint64]
    """A longer one, of which the former is a digest."""


def rank_elements(corpus: Corpus, rows: NDArray[np.int64], policy: NearPolicy) -> Elements:
    """Turn rows into sets."""
    rows = rows[np.argsort(corpus.start[rows + 1] - corpus.start[rows], kind="stable")]
    bags = shingle_bags(corpus, rows, policy.shingle) if policy.measure == "jaccard" else token_bags(corpus, rows)
    groups = int(corpus.group.max(initial=0)) + 1
    held, code = _rank(bags, corpus.group[rows], groups)
    size = bags.lone + np.diff(bags.start)
    if (size[1:] < size[:-1]).any():  # texts of tokens are in order by now
        order = np.argsort(size, kind="stable")
        begin = starts(held)[order]
        rows, size, held = rows[order], size[order], held[order]
        code = take_ranges(code, begin, held)
    start = starts(held)
    owner = np.repeat(np.arange(len(rows), dtype=np.int32), held)
    common = float(held[held > 0].mean()) if len(code) else 0.0
    words = 1 << min(4, max(0, int(common / 16).bit_length() - 1))  # one for 16 to 31 elements, two for 32 to 63 ...
    fine = signatures(code, start, min(2 * words, 16))
    bits = np.bitwise_or.reduce(fine.reshape(len(fine) // words, words, len(rows)))
    return Elements(rows, size, start, code, owner, bits, fine)


def _rank(bags: Bags, group: NDArray[np.int64], groups: int) -> tuple[NDArray[np.int64], NDArray[np.integer]]:
    """Number of shared elements of each bag, and their codes in ascending order, bag after bag."""
    times = count(bags.ids, bags.top + 1)
    rank = np.empty(bags.top + 1, np.int32)
    few = np.minimum(times, 0xFFFF).astype(np.uint16)  # 16 bits are sorted by counting; frequent ones seldom matter
    rank[np.argsort(few, kind="stable")] = np.arange(bags.top + 1)
    order = np.where(times > 1, rank, -1)
    length = np.diff(bags.start)
    held, codes = np.zeros(len(length), np.int64), [np.zeros(0, np.int32)]
    for some in blocks(length, 1 << 20):
        ids = bags.ids[bags.start[some.start] : bags.start[some.stop]]
        place = order.take(ids)
        found = np.repeat(np.arange(some.stop - some.start) << 32, length[some]) | place
        found = found.compress(place >= 0)
        found.sort()
        owner = found >> 32
        again = np.flatnonzero(found[1:] == found[:-1]) + 1
        code = found & 0xFFFFFFFF
        if len(again):  # a run of equal neighbours: the first of them is another element than the second
            heads = np.flatnonzero(np.diff(again, prepend=-1) != 1)
            run = np.arange(len(again)) - np.repeat(heads, np.diff(np.append(heads, len(again))))
            code[again] += (run + 1) * len(rank)
        if groups > 1:
            code = code * groups + group[some][owner]
        codes.append(code.astype(np.int32 if code.max(initial=0) < 1 << 31 else np.int64))
        held[some] = np.bincount(owner, minlength=some.stop - some.start)
    return held, np.concatenate(codes)
