"""Texts as token ids, with equal ones gathered under the first of them."""

from array import array
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.curation.near.arrays import blocks, flat_ranges, mix, starts, take_ranges
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
    vocabulary: Any
    """Word of each token id, as strings of Arrow; id 0 stands for none."""

    @property
    def leading(self) -> NDArray[np.int64]:
        """The rows that lead, ascending."""
        return np.flatnonzero(self.leader == np.arange(len(self.leader)))

    @property
    def words(self) -> list[str]:
        """Word of each token id, made anew at every call."""
        words: list[str] = self.vocabulary.to_numpy(zero_copy_only=False).tolist()
        return words

    def texts(self, rows: NDArray[np.int64]) -> Iterator[list[str]]:
        """Yield the tokens of rows."""
        words = self.words
        for low, high in zip(self.start[rows].tolist(), self.start[rows + 1].tolist(), strict=True):
            yield [words[word] for word in self.ids[low:high].tolist()]

    def members(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give the rows leader by leader, each leader's ascending, and where each leader's begin and end."""
        count = np.bincount(self.leader, minlength=len(self.leader))
        return np.argsort(self.leader, kind="stable"), starts(count)


def read_corpus(token_lists: Iterable[Sequence[str]], groups: Iterable[Hashable] | None = None) -> Corpus:
    """Number the tokens of texts; without groups all are one. Raises ValueError unless there is one group per text."""
    import pyarrow as pa

    numbers: defaultdict[str, int] = defaultdict(count(1).__next__)
    lengths = array("q")

    def counted() -> Iterator[Sequence[str]]:
        for found in token_lists:
            lengths.append(len(found))
            yield found

    ids = np.fromiter(map(numbers.__getitem__, chain.from_iterable(counted())), np.int32)
    return _corpus(ids, np.frombuffer(lengths, np.int64), pa.array(["", *numbers], pa.string()), groups)


def read_texts(
    texts: Iterable[str],
    groups: Iterable[Hashable] | None = None,
    order: Callable[[int], NDArray[np.int64]] | None = None,
) -> Corpus:
    """Read a corpus from texts that are still to be cut into tokens.

    `order` is called with their number when all texts are read, and gives the places from which the rows are taken.
    """
    import pyarrow as pa

    sizes = [np.zeros(0, np.int64)]
    parts = [pa.array([""]).dictionary_encode()]
    for size, found in cut(texts):
        sizes.append(size)
        parts.append(found)
    numbered = pa.chunked_array(parts).unify_dictionaries().chunks
    ids = np.concatenate([chunk.indices.to_numpy() for chunk in numbered])[1:]
    vocabulary = numbered[0].dictionary
    del parts, numbered
    pa.default_memory_pool().release_unused()  # what Arrow keeps for itself is of no use to the search
    return _corpus(ids, np.concatenate(sizes), vocabulary, groups, order)


def _corpus(
    ids: NDArray[np.int32],
    size: NDArray[np.int64],
    vocabulary: Any,
    groups: Iterable[Hashable] | None,
    order: Callable[[int], NDArray[np.int64]] | None = None,
) -> Corpus:
    """Put the rows in order and find those that are equal."""
    labels: defaultdict[Hashable, int] = defaultdict(count().__next__)
    group = np.zeros(len(size), np.int64)
    if groups is not None:
        group = np.fromiter(map(labels.__getitem__, groups), np.int64)
        if len(group) != len(size):
            raise ValueError(f"{len(size)} texts need as many groups, not {len(group)}")
    if order is not None:
        rows, begin = order(len(size)), starts(size)
        size, group = size[rows], group[rows]
        ids = take_ranges(ids, begin[rows], size)
    start = starts(size)
    return Corpus(ids, start, group, _leaders(ids, start, group), [*labels] or [""], vocabulary)


def _leaders(ids: NDArray[np.int32], start: NDArray[np.int64], group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Find each row's first equal: by a 64-bit hash, then by looking."""
    size = np.diff(start)
    row_hash = np.empty(len(size), np.uint64)
    weight = mix(np.arange(1, int(size.max(initial=0)) + 1))
    for some in blocks(size, 1 << 18):
        place = flat_ranges(np.zeros(some.stop - some.start, np.int64), size[some])
        sums = np.cumsum(ids[start[some.start] : start[some.stop]].astype(np.uint64) * weight.take(place))
        sums = np.concatenate([np.zeros(1, np.uint64), sums])
        edges = start[some.start : some.stop + 1] - start[some.start]
        row_hash[some] = np.diff(sums[edges])
    row_hash = mix(mix(row_hash) + group.astype(np.uint64))
    bits = np.uint64(len(size).bit_length())
    rows = np.arange(len(size))
    packed = np.sort(row_hash >> bits << bits | rows.astype(np.uint64))
    row = (packed & (np.uint64(1) << bits) - np.uint64(1)).astype(np.int64)
    fresh = np.diff(packed >> bits, prepend=~np.uint64(0)) != 0
    leader = np.empty(len(size), np.int64)
    leader[row] = row[np.maximum.accumulate(np.where(fresh, rows, 0))]
    follower = np.flatnonzero(leader != rows)
    chief = leader[follower]
    same = (size[follower] == size[chief]) & (group[follower] == group[chief])
    leader[follower[~same]] = follower[~same]
    follower, chief = follower[same], chief[same]
    differs = ids[flat_ranges(start[follower], size[follower])] != ids[flat_ranges(start[chief], size[follower])]
    wrong = np.unique(np.repeat(follower, size[follower])[differs])
    leader[wrong] = wrong
    return leader
