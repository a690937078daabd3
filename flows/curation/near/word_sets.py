"""Near-copies by `token_set_ratio`: every pair is looked at, but most of them only as bits.

The ratio is 1 when one set of words holds the other, however large, and compares characters where few words are shared.
So neither size nor a shared rare word is a sure sign, and the join cannot find these pairs. Two bounds are sure. Of
words: those missing in the other text may not make up more than a part of the text. Of characters: as many must be
inserted or deleted as the two differ in. Both are counted on bit signatures, block by block. The second bound is weak:
at a threshold of 0.8 rapidfuzz still scores a fifth of the pairs, at 0.7 most of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.fuzz import token_set_ratio
from rapidfuzz.process import cpdist

from flows.curation.near.arrays import signatures, starts
from flows.curation.near.corpus import Corpus
from flows.curation.near.found import Found

_BLOCK = (128, 512)
"""Rows by rows of a block of pairs."""
_SLACK = 1e-6
"""More than rounding can be off: the bounds only choose what is scored."""


@dataclass(frozen=True, slots=True, eq=False)
class _WordSets:
    """Rows as sets of words, with what bounds their ratios."""

    row: NDArray[np.int64]
    text: NDArray[np.object_]
    """The distinct words in order, joined by spaces, as rapidfuzz joins them."""
    length: NDArray[np.int64]
    """Characters of the text."""
    spare: NDArray[np.int64]
    """Most words that may be missing in a text that this one is near to for the words they share."""
    words: NDArray[np.uint64]
    """Signature of the words, words by sets."""
    characters: NDArray[np.uint64]
    """Signature of the characters, told apart by occurrence."""


def search_word_sets(
    corpus: Corpus, threshold: float, rows: NDArray[np.int64], others: NDArray[np.int64] | None = None
) -> Iterator[Found]:
    """Yield all pairs of rows, or of rows and `others`, of one group whose token set ratio reaches the threshold."""
    for group in np.unique(corpus.group[rows]):
        left = _word_sets(corpus, rows[corpus.group[rows] == group], threshold)
        right = left if others is None else _word_sets(corpus, others[corpus.group[others] == group], threshold)
        for top in range(0, len(left.row), _BLOCK[0]):
            for edge in range(0 if others is not None else top, len(right.row), _BLOCK[1]):
                here, there = slice(top, top + _BLOCK[0]), slice(edge, edge + _BLOCK[1])
                possible = _possible(left, here, right, there, threshold)
                if others is None:
                    possible &= np.arange(len(right.row))[there] > np.arange(len(left.row))[here, None]
                one, other = np.nonzero(possible)
                yield _score(left, one + top, right, other + edge, threshold)


def _score(
    left: _WordSets, one: NDArray[np.int64], right: _WordSets, other: NDArray[np.int64], threshold: float
) -> Found:
    """Let rapidfuzz decide."""
    texts = left.text[one].tolist(), right.text[other].tolist()
    similarity = cpdist(*texts, scorer=token_set_ratio, dtype=np.float64) / 100
    near = similarity >= threshold
    return Found(left.row[one[near]], right.row[other[near]], similarity[near])


def _possible(left: _WordSets, here: slice, right: _WordSets, there: slice, threshold: float) -> NDArray[np.bool_]:
    """Which pairs of a block the bounds let pass, rows by rows."""
    edits = np.floor((1 - threshold) * (left.length[here, None] + right.length[there]) + _SLACK)
    differ = np.zeros(edits.shape, np.uint16)
    gone, come = differ.copy(), differ.copy()
    for one, other in zip(left.characters[:, here, None], right.characters[:, there], strict=True):
        differ += np.bitwise_count(one ^ other)
    for one, other in zip(left.words[:, here, None], right.words[:, there], strict=True):
        gone += np.bitwise_count(one & ~other)
        come += np.bitwise_count(other & ~one)
    possible: NDArray[np.bool_] = differ <= edits
    return possible | (gone <= left.spare[here, None]) | (come <= right.spare[there])


def _word_sets(corpus: Corpus, rows: NDArray[np.int64], threshold: float) -> _WordSets:
    """Prepare the rows of one group."""
    ids = [np.unique(corpus.ids[corpus.start[row] : corpus.start[row + 1]]) for row in rows.tolist()]
    vocabulary = corpus.words
    held = [sorted(vocabulary[number] for number in found.tolist()) for found in ids]
    text = [" ".join(words) for words in held]
    length = np.fromiter(map(len, text), np.int64, len(text))
    # sharing s of a text's L characters gives 2 s / (s + L): at least t when no more than L - L t / (2 - t) are missing
    missing = length * (1 - threshold / (2 - threshold)) + _SLACK
    spare = [
        np.searchsorted(np.cumsum(np.sort([len(word) + 1 for word in words])), most, "right")
        for words, most in zip(held, missing.tolist(), strict=True)
    ]
    return _WordSets(
        rows,
        np.fromiter(text, object, len(text)),
        length,
        np.array(spare, np.int64),
        signatures(np.concatenate([np.zeros(0, np.int64), *ids]), starts([len(found) for found in ids]), 4),
        _characters(text),
    )


def _characters(texts: list[str]) -> NDArray[np.uint64]:
    """Signature of each text's characters."""
    codes = [np.zeros(0, np.int64)]
    for text in texts:
        points = np.sort(np.frombuffer(text.encode("utf-32-le"), "<u4").astype(np.int64))
        place = np.arange(len(points))
        fresh = np.diff(points, prepend=-1) != 0
        codes.append(points | (place - np.maximum.accumulate(np.where(fresh, place, 0))) << 32)
    return signatures(np.concatenate(codes), starts([len(text) for text in texts]), 8)
