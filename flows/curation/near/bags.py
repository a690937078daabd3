"""Texts as bags: of tokens, or of the shingles that jaccard counts."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flows.curation.near.arrays import blocks, distinct, flat_ranges, mix, starts, take_ranges
from flows.curation.near.corpus import Corpus


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

    A shingle is read a few words at a time, as many as fit in 63 bits. One that begins as no other does is lone and is
    not read on: in running text most are, so memory goes to the repeated ones. In a text with fewer words than a
    shingle the missing ones are 0.
    """
    width = len(corpus.vocabulary).bit_length()
    read = min(words, 63 // width)
    length = corpus.start[rows + 1] - corpus.start[rows]
    count = np.where(length > 0, np.maximum(length - words + 1, 1), 0)
    owner, place, code = _repeated(corpus, rows, count, read, width)
    while True:
        _, code, often = np.unique(code, return_inverse=True, return_counts=True)
        keep = often[code] > 1
        owner, place, code = owner[keep], place[keep], code[keep]
        if read == words:
            break
        more = min(words - read, (63 - len(often).bit_length()) // width)
        code = _append(corpus, code, place + read, corpus.start[rows[owner] + 1], more, width)
        read += more
    lone = count - np.bincount(owner, minlength=len(rows))
    members = distinct(owner << 32 | code)
    held = np.bincount(members >> 32, minlength=len(rows))
    return Bags((members & 0xFFFFFFFF).astype(np.int32), starts(held), lone, len(often))


def _repeated(
    corpus: Corpus, rows: NDArray[np.int64], count: NDArray[np.int64], read: int, width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Owner, place and first words of the shingles that may begin like another: a table of hashes counts them."""
    seen = np.zeros(1 << min(26, int(count.sum()).bit_length() + 1), np.uint32)
    for _, _, _, slot in _blocks(corpus, rows, count, read, width, len(seen)):
        np.add.at(seen, slot, 1)
    empty = np.zeros(0, np.int64)
    parts = [(empty, empty, empty)]
    for owner, place, code, slot in _blocks(corpus, rows, count, read, width, len(seen)):
        keep = seen[slot] > 1
        parts.append((owner[keep], place[keep], code[keep]))
    owners, places, codes = zip(*parts, strict=True)
    return np.concatenate(owners), np.concatenate(places), np.concatenate(codes)


def _blocks(
    corpus: Corpus, rows: NDArray[np.int64], count: NDArray[np.int64], read: int, width: int, slots: int
) -> Iterator[tuple[NDArray[np.int64], ...]]:
    """Yield owner, place, first words and hash slot of all shingles, a bounded number at a time."""
    for some in blocks(count, 1 << 20):
        owner = np.repeat(np.arange(some.start, some.stop), count[some])
        place = flat_ranges(corpus.start[rows[some]], count[some])
        code = _append(corpus, np.zeros(len(place), np.int64), place, corpus.start[rows[owner] + 1], read, width)
        yield owner, place, code, (mix(code) % np.uint64(slots)).astype(np.int64)


def _append(
    corpus: Corpus,
    code: NDArray[np.int64],
    place: NDArray[np.int64],
    end: NDArray[np.int64],
    words: int,
    width: int,
) -> NDArray[np.int64]:
    """Shift the next words into the codes, 0 for those beyond the end of the text."""
    for at in range(words):
        inside = np.minimum(place + at, len(corpus.ids) - 1)
        code = code << width | np.where(place + at < end, corpus.ids[inside], 0)
    return code
