"""The order in which texts are held against each other: a text's own, whatever order they come in."""

import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Order:
    """Texts by key; by a digest of the text where keys are equal or there are none."""

    def __init__(self, keys: Sequence[Any] | NDArray[Any] | None) -> None:
        self._rank: NDArray[np.int64] | None = None
        """Number of each text's key, from the least; equal ones have one number."""
        self._digests = array("Q")
        self._tied: NDArray[np.int64] | None = None
        """Places of the texts that have a digest; without keys it is all."""
        if keys is not None:
            self._rank = _rank(keys)
            self._tied = np.flatnonzero((np.bincount(self._rank, minlength=1) > 1)[self._rank])

    def watch(self, texts: Iterable[str]) -> Iterable[str]:
        """Give the texts on, and take what the order needs of them."""
        return texts if self._tied is not None and not len(self._tied) else self._digested(texts)

    def _digested(self, texts: Iterable[str]) -> Iterator[str]:
        tied = range(sys.maxsize) if self._tied is None else frozenset(self._tied.tolist())
        for place, text in enumerate(texts):
            if place in tied:
                self._digests.frombytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())
            yield text

    def places(self, count: int) -> NDArray[np.int64]:
        """Give the places of so many texts, all seen, in order; raises ValueError when there are not as many keys."""
        digests = np.frombuffer(self._digests, np.uint64)
        if self._rank is None or self._tied is None:
            return np.argsort(digests, kind="stable")
        if len(self._rank) != count:
            raise ValueError(f"{count} texts need as many keys, not {len(self._rank)}")
        every = np.zeros(count, np.uint64)
        every[self._tied] = digests
        return np.lexsort((every, self._rank))


def _rank(keys: Sequence[Any] | NDArray[Any]) -> NDArray[np.int64]:
    """Number keys by their order, equal ones alike."""
    if isinstance(keys, np.ndarray):
        return np.unique(keys, return_inverse=True)[1].astype(np.int64)
    order = sorted(range(len(keys)), key=keys.__getitem__)
    rank = np.zeros(len(keys), np.int64)
    rank[order] = np.cumsum([0, *(keys[one] < keys[other] for one, other in pairwise(order))][: len(keys)])
    return rank
