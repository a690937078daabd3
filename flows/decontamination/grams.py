"""Hash n-grams of words to 64 bits, many texts at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from flows.curation.near.arrays import mix, starts

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
"""Odd, so that multiplying by it loses nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """Hashed words of texts, one text after the other."""

    code: NDArray[np.uint64]
    start: NDArray[np.int64]
    """Where each text begins in `code`; one more than there are texts."""

    @property
    def owner(self) -> NDArray[np.int64]:
        """Text that each word is in."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))

    def runs(self, size: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Give the hash of every run of `size` words within a text, and the place of its first word."""
        count = max(len(self.code) - size + 1, 0)
        code = np.zeros(count, np.uint64)
        for step in range(size):
            code = code * _FACTOR + self.code[step : step + count]
        owner = self.owner
        first = np.flatnonzero(owner[:count] == owner[size - 1 : size - 1 + count])
        return mix(code[first]), first


def hash_words(texts: Iterable[Sequence[str]]) -> Words:
    """Hash the words of texts."""
    listed = [list(text) for text in texts]
    code = np.fromiter(map(hash_text, chain.from_iterable(listed)), np.uint64)
    return Words(code, starts([len(text) for text in listed]))


@lru_cache(maxsize=1 << 17)
def hash_text(text: str) -> int:
    """Hash a text to 64 bits, the same in every process."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
