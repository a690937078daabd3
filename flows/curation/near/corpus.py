"""Texts as token ids, with equal ones gathered under the first of them."""

from array import array
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count

import numpy as np
from numpy.typing import NDArray

from flows.curation.near.arrays import blocks, flat_ranges, mix, starts
from flows.curation.near.cutting import cut


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """Token ids of texts, row after row; only rows of one group are compared."""

    ids: NDArray[np.int32]
    """Tokens of all rows, numbered from 1 as they first came."""
    start: NDArray[np.int64]
    """Where each row begins in `ids`; one more than there are rows."""
    group: NDArray[np.int64]
    """Group of each row, numbered from 0."""
    leader: NDArray[np.int64]
    """The first row with the same group and tokens."""
    labels: Sequence[Hashable]
    """What each group was called."""
    words: Sequence[str]
    """Word of each token id; id 0 stands for none."""

    @property
    def leading(self) -> NDArray[np.int64]:
        """The rows that lead, ascending."""
        return np.flatnonzero(self.leader == np.arange(len(self.leader)))

    def texts(self, rows: NDArray[np.int64]) -> Iterator[list[str]]:
        """Yield the tokens of rows."""
        for low, high in zip(self.start[rows].tolist(), self.start[rows + 1].tolist(), strict=True):
            yield [self.words[word] for word in self.ids[low:high].tolist()]

    def members(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give the rows leader by leader, each leader's ascending, and where each leader's begin and end."""
        count = np.bincount(self.leader, minlength=len(self.leader))
        return np.argsort(self.leader, kind="stable"), starts(count)


def read_corpus(token_lists: Iterable[Sequence[str]], groups: Iterable[Hashable] | None = None) -> Corpus:
    """Number the tokens of texts; without groups all are one. Raises ValueError unless there is one group per text."""
    numbers: defaultdict[str, int] = defaultdict(count(1).__next__)
    lengths = array("q")

    def counted() -> Iterator[Sequence[str]]:
        for found in token_lists:
            lengths.append(len(found))
            yield found

    ids = np.fromiter(map(numbers.__getitem__, chain.from_iterable(counted())), np.int32)
    return _corpus(ids, np.frombuffer(lengths, np.int64), numbers, groups)


def read_texts(
    texts: Iterable[str],
    groups: Iterable[Hashable] | None = None,
    order: Callable[[], NDArray[np.int64]] | None = None,
) -> Corpus:
    """Read a corpus from texts that are still to be cut into tokens.

    `order` is called when all texts are read, and gives the places from which the rows are taken.
    """
    numbers: defaultdict[str, int] = defaultdict(count(1).__next__)
    lengths, ids = array("q"), array("i")
    for size, found, words in cut(texts):
        lengths.frombytes(size.tobytes())
        ids.frombytes(np.fromiter(map(numbers.__getitem__, words), np.int32, len(words))[found].tobytes())
    return _corpus(np.frombuffer(ids, np.int32), np.frombuffer(lengths, np.int64), numbers, groups, order)


def _corpus(
    ids: NDArray[np.int32],
    size: NDArray[np.int64],
    numbers: Iterable[str],
    groups: Iterable[Hashable] | None,
    order: Callable[[], NDArray[np.int64]] | None = None,
) -> Corpus:
    """Put the rows in order and find those that are equal."""
    labels: defaultdict[Hashable, int] = defaultdict(count().__next__)
    group = np.zeros(len(size), np.int64)
    if groups is not None:
        group = np.fromiter(map(labels.__getitem__, groups), np.int64)
        if len(group) != len(size):
            raise ValueError(f"{len(size)} texts need as many groups, not {len(group)}")
    if order is not None:
        rows, begin = order(), starts(size)
        size, group = size[rows], group[rows]
        ids = np.concatenate(
            [ids[:0], *(ids[flat_ranges(begin[rows[some]], size[some])] for some in blocks(size, 1 << 20))]
        )
    start = starts(size)
    return Corpus(ids, start, group, _leaders(ids, start, group), [*labels] or [""], ["", *numbers])


def _leaders(ids: NDArray[np.int32], start: NDArray[np.int64], group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Find each row's first equal: by a 64-bit hash, then by looking."""
    size = np.diff(start)
    row_hash = np.empty(len(size), np.uint64)
    for some in blocks(size, 1 << 20):
        low, high = start[some.start], start[some.stop]
        place = np.arange(high - low) - np.repeat(start[some] - low, size[some])
        sums = np.cumsum(mix(ids[low:high] + (place << 32)), dtype=np.uint64)
        sums = np.concatenate([np.zeros(1, np.uint64), sums])
        row_hash[some] = sums[start[some.start + 1 : some.stop + 1] - low] - sums[start[some] - low]
    row_hash = mix(mix(row_hash) + group.astype(np.uint64))
    _, first, inverse = np.unique(row_hash, return_index=True, return_inverse=True)
    leader = first[inverse].astype(np.int64)
    rows = np.arange(len(leader))
    follower = np.flatnonzero(leader != rows)
    chief = leader[follower]
    same = (size[follower] == size[chief]) & (group[follower] == group[chief])
    leader[follower[~same]] = follower[~same]
    follower, chief = follower[same], chief[same]
    differs = ids[flat_ranges(start[follower], size[follower])] != ids[flat_ranges(start[chief], size[follower])]
    wrong = np.unique(np.repeat(follower, size[follower])[differs])
    leader[wrong] = wrong
    return leader
