"""What a threshold asks of the sizes and the overlap of two sets, as tables by size."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flows.curation.near.policy import NearPolicy, required_overlap


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """Necessary conditions for similarity, exact to the last bit of the float comparison."""

    need: NDArray[np.int64]
    """Least overlap by the sum of the two sizes."""
    low: NDArray[np.int64]
    """Least size of a near-copy, by size."""
    least: NDArray[np.int64]
    """Least overlap with any near-copy, by size."""
    reach: NDArray[np.int64]
    """Largest sum of two sizes that this much overlap suffices for, by overlap."""


def least_overlap(policy: NearPolicy, similarity: NDArray[np.float64], size: NDArray[np.int64]) -> NDArray[np.int64]:
    """Overlap without which a set of this size is not so similar to any other."""
    share = similarity if policy.measure == "jaccard" else similarity / (2 - similarity)
    return np.ceil(share * size - 1e-6).astype(np.int64)


def bounds(policy: NearPolicy, largest: int) -> Bounds:
    """Tabulate the conditions for sets of up to `largest` elements."""
    need = required_overlap(policy, 2 * largest)
    size = np.arange(largest + 1)
    low, high = np.zeros_like(size), size.copy()
    while (low < high).any():  # the least partner is the first that holds the overlap the two would need
        middle = (low + high) // 2
        enough = middle >= need[size + middle]
        low, high = np.where(enough, low, middle + 1), np.where(enough, middle, high)
    low = np.maximum(low, 1)
    return Bounds(need, low, need[size + low], np.searchsorted(need, size, "right") - 1)
