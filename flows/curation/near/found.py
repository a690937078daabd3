"""Near pairs as arrays."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Found(NamedTuple):
    """Near pairs as three arrays of one length."""

    one: NDArray[np.int64]
    """Rows; in a search between two sets of rows, those of the first set."""
    other: NDArray[np.int64]
    similarity: NDArray[np.float64]


def gather(parts: Sequence[Found]) -> Found:
    """Make one list of pairs, each once and in order, the lower row first."""
    if not parts:
        return Found(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    pairs = np.concatenate(
        [np.minimum(part.one, part.other) << 32 | np.maximum(part.one, part.other) for part in parts]
    )
    order = np.argsort(pairs)
    pairs = pairs[order]
    fresh = np.concatenate([np.ones(min(1, len(pairs)), bool), pairs[1:] != pairs[:-1]])
    pairs, order = pairs[fresh], order[fresh]
    similarity = np.concatenate([part.similarity for part in parts])
    return Found(pairs >> 32, pairs & 0xFFFFFFFF, similarity[order])
