"""Texts as bags: of tokens, or of the shingles that jaccard counts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flows.curation.near.arrays import blocks, distinct, flat_ranges, mix, runs, starts, take_ranges
from flows.curation.near.corpus import Corpus

_SHINGLES = 1 << 25
"""Shingles that are sorted at a time."""
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
"""Odd, so that a hash of words depends on each of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Bags:
    """Ids of tokens or shingles, bag after bag."""

    ids: NDArray[np.int32]
    start: NDArray[np.int64]
    """Where each bag begins in `ids`; one more than there are bags."""
    lone: NDArray[np.int64]
    """Members of each bag that are left out of `ids` because no other bag holds them."""
    top: int
    """No id is larger."""


def token_bags(corpus: Corpus, rows: NDArray[np.int64]) -> Bags:
    """Give the token ids of rows."""
    length = corpus.start[rows + 1] - corpus.start[rows]
    ids = take_ranges(corpus.ids, corpus.start[rows], length)
    return Bags(ids, starts(length), np.zeros(len(rows), np.int64), len(corpus.vocabulary))


def shingle_bags(corpus: Corpus, rows: NDArray[np.int64], words: int) -> Bags:
    """Number the distinct shingles of rows, exactly: equal ids are equal words in equal order.

    Shingles are sorted by a hash, and those whose hashes are equal are compared word by word. Most are lone in running
    text and get no number. In a text with fewer words than a shingle the missing ones are 0. Of many shingles those of
    one range of hashes are sorted after the other.
    """
    texts = _Laid(corpus, rows, words)
    parts = int(texts.count.sum()) // _SHINGLES + 1
    members, lone, top = [np.zeros(0, np.int64)], texts.count.copy(), 0
    for part in range(parts):
        found, held, numbers = _members(texts, part, parts)
        members.append(found + top)
        lone -= held
        top += numbers
    every = np.concatenate(members)
    if parts > 1:
        every.sort()
    return Bags((every & 0xFFFFFFFF).astype(np.int32), starts(np.bincount(every >> 32, minlength=len(rows))), lone, top)


class _Laid:
    """Texts one after the other, each with as many zeros behind it as the last word lacks for a shingle."""

    def __init__(self, corpus: Corpus, rows: NDArray[np.int64], words: int) -> None:
        self.words = words
        length = corpus.start[rows + 1] - corpus.start[rows]
        self.start = starts(length + words - 1)
        """Where each text begins in `ids`."""
        self.count = np.where(length > 0, np.maximum(length - words + 1, 1), 0)
        """Shingles of each text."""
        self.ids = np.zeros(int(self.start[-1]) + words, np.int32)
        for some in blocks(length, 1 << 18):
            place = flat_ranges(self.start[some], length[some])
            self.ids[place] = corpus.ids.take(flat_ranges(corpus.start[rows[some]], length[some]))

    def hashes(self, some: slice) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """Give the places of the shingles of some texts, and a hash of each."""
        first, last = self.start[some.start], self.start[some.stop]
        found = np.zeros(last - first, np.uint64)
        for at in range(self.words):
            found *= _FACTOR
            found += self.ids[first + at : last + at].astype(np.uint64)
        place = flat_ranges(self.start[some], self.count[some])
        return place, mix(found.take(place - first))


def _members(texts: _Laid, part: int, parts: int) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Give text << 32 | number of repeated shingles, once a text; how often each text has any; the numbers."""
    place, number = _repeated(texts, part, parts)
    held = np.diff(np.searchsorted(place, texts.start))
    return distinct(np.repeat(np.arange(len(held)) << 32, held) | number), held, int(number.max(initial=-1)) + 1


def _repeated(texts: _Laid, part: int, parts: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places, ascending, of the shingles that are there more than once, and the numbers that tell them apart.

    Only those of one of so many parts of all hashes; one that is there once may be among them.
    """
    bits = len(texts.ids).bit_length()
    alike, fresh = runs(_packed(texts, part, parts, np.uint64(bits)), bits)
    place = (alike & np.uint64((1 << bits) - 1)).astype(np.int64)
    number = np.cumsum(fresh) - 1
    differs = np.zeros(len(place), bool)
    for at in range(texts.words):
        word = texts.ids.take(place + at)
        differs[1:] |= word[1:] != word[:-1]
    mixed = np.flatnonzero(np.isin(number, number[differs & ~fresh]))
    if len(mixed):
        shingles = texts.ids[place[mixed, None] + np.arange(texts.words)]
        number[mixed] = number[-1] + 1 + np.unique(shingles, axis=0, return_inverse=True)[1].ravel()
    wide = int(number.max(initial=0)).bit_length()
    both = place << wide | number
    both.sort()
    return both >> wide, both & ((1 << wide) - 1)


def _packed(texts: _Laid, part: int, parts: int, bits: np.uint64) -> NDArray[np.uint64]:
    """Hashes of shingles, each with its place for its last bits."""
    packed = [np.zeros(0, np.uint64)]
    for some in blocks(texts.count, 1 << 18):
        place, key = texts.hashes(some)
        if parts > 1:
            own = key % np.uint64(parts) == part
            place, key = place.compress(own), key.compress(own)
        packed.append(key >> bits << bits | place.astype(np.uint64))
    return np.concatenate(packed)
