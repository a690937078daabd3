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
    one, other, similarity = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    one, other = np.minimum(one, other), np.maximum(one, other)
    order = np.argsort(one << 32 | other)
    one, other, similarity = one[order], other[order], similarity[order]
    fresh = np.concatenate([np.ones(min(1, len(one)), bool), (one[1:] != one[:-1]) | (other[1:] != other[:-1])])
    return Found(one[fresh], other[fresh], similarity[fresh])
