"""Score candidate pairs exactly."""

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import LCSseq
from rapidfuzz.process import cpdist

from flows.curation.near.arrays import blocks, count, flat_ranges
from flows.curation.near.corpus import Corpus
from flows.curation.near.elements import Elements
from flows.curation.near.policy import NearPolicy, overlap_similarity

_END = 1
"""Character after each text; those of words come after it."""
_FIRST_SURROGATE, _SURROGATES = 0xD800, 0x800
"""Where the code points are that no character has, and how many."""
_LARGEST_CHARACTER = 0x10FFFF


class Judge:
    """The similarity of pairs of sets under the policy's measure."""

    def __init__(self, corpus: Corpus, sets: Elements, policy: NearPolicy) -> None:
        self._corpus = corpus
        self._sets = sets
        self._policy = policy
        self._text = np.array([], object)
        if policy.measure == "rouge_l":
            self._text = _as_characters(corpus, sets.row)

    def similarities(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float64]:
        """Score sets pair by pair."""
        part = self._ordered if self._policy.measure == "rouge_l" else self._shared
        held = np.diff(self._sets.start)
        cuts = blocks(held[one] + held[other] + 1, 1 << 20)
        return np.concatenate([np.zeros(0), *(part(one[some], other[some]) for some in cuts)])

    def _ordered(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float64]:
        """ROUGE-L: the longest common subsequence, by rapidfuzz on texts in which each token is one character."""
        texts = self._text[one].tolist(), self._text[other].tolist()
        common = cpdist(*texts, scorer=LCSseq.similarity, dtype=np.int64)
        return overlap_similarity("rouge_l", common, self._sets.size[one] + self._sets.size[other])

    def _shared(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float64]:
        """Jaccard, by sorting each pair's elements together and counting equal neighbours."""
        start, size = self._sets.start, self._sets.size
        groups = int(self._corpus.group.max()) + 1
        found = []
        for sets in (one, other):
            held = start[sets + 1] - start[sets]
            rank = self._sets.code[flat_ranges(start[sets], held)] // groups
            found.append(np.repeat(np.arange(len(sets)), held) << 32 | rank)
        both = np.concatenate(found)
        both.sort()
        overlap = np.bincount(both[1:][both[1:] == both[:-1]] >> 32, minlength=len(one))
        return overlap_similarity("jaccard", overlap, size[one] + size[other])


def _as_characters(corpus: Corpus, rows: NDArray[np.int64]) -> NDArray[np.object_]:
    """Token sequences as strings, without the words that stand at one place alone: these match none.

    If there are more words than characters they are lists, which rapidfuzz reads slowly.
    """
    again = count(corpus.ids, len(corpus.vocabulary)) > 1
    code = np.where(again, np.cumsum(again) + _END, 0)
    if code.max() > _LARGEST_CHARACTER - _SURROGATES:
        spans = zip(corpus.start[rows].tolist(), corpus.start[rows + 1].tolist(), strict=True)
        return np.fromiter((corpus.ids[low:high].tolist() for low, high in spans), object, len(rows))
    code = (code + np.where(code < _FIRST_SURROGATE, 0, _SURROGATES)).astype("<u4")
    ids = corpus.ids if len(corpus.ids) else np.zeros(1, np.int32)
    length = corpus.start[rows + 1] - corpus.start[rows]
    texts: list[str] = []
    for some in blocks(length + 1, 1 << 17):
        place = flat_ranges(corpus.start[rows[some]], length[some] + 1)
        codes = code.take(ids.take(place, mode="clip"))  # one is read beyond each text
        codes[np.cumsum(length[some] + 1) - 1] = _END
        texts += codes.compress(codes > 0).tobytes().decode("utf-32-le").split(chr(_END))[:-1]
    return np.fromiter(texts, object, len(texts))
