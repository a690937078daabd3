"""What counts as a near-copy: the measure, the threshold and what overlap the two ask for."""

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Measure = Literal["rouge_l", "token_set", "jaccard"]
Compare = Literal["task", "query", "positive", "query_positive"]


@dataclass(frozen=True, slots=True)
class NearPolicy:
    """Texts are near-copies when their similarity is at least the threshold; raises ValueError on an odd value.

    The similarity is compared as rapidfuzz's float, so a pair exactly at the threshold is near. Texts with the same
    tokens have similarity 1 under every measure, empty ones included.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    measure: Measure = "rouge_l"
    """rouge_l: ROUGE-L F1 of the tokens, `Indel.normalized_similarity` (2 LCS / (m + n)); for short texts.
    jaccard: shared over all distinct shingles; for long texts.
    token_set: `fuzz.token_set_ratio` / 100 of the tokens joined by spaces; looks at all pairs, so for thousands of
    texts and thresholds of 0.8 and more."""
    threshold: float = 0.9
    """Least similarity of near-copies, above 0 and at most 1."""
    shingle: int = 1
    """Words in a shingle, for jaccard; a text with fewer is one shingle."""
    compare: Compare = "query"
    """What of a row is the text: task, query, (first) positive, or query and positive as one."""

    def __post_init__(self) -> None:
        for name, kind, value in (("measure", Measure, self.measure), ("compare", Compare, self.compare)):
            if value not in get_args(kind):
                raise ValueError(f"{name} must be one of {', '.join(get_args(kind))}, not {value!r}")
        if not 0 < self.threshold <= 1:
            raise ValueError(f"threshold must be above 0 and at most 1, not {self.threshold}")
        if self.shingle < 1:
            raise ValueError(f"shingle must be at least 1, not {self.shingle}")
        if self.shingle > 1 and self.measure != "jaccard":
            raise ValueError(f"shingle is for the measure jaccard; {self.measure} compares words")


def overlap_similarity(measure: Measure, overlap: NDArray[np.int64], total: NDArray[np.int64]) -> NDArray[np.float64]:
    """Similarity of two texts that share `overlap` of their sizes' sum `total`, in the very steps of rapidfuzz."""
    same: NDArray[np.float64] = overlap / np.maximum(total - overlap, 1)
    return same if measure == "jaccard" else 1.0 - (total - 2 * overlap) / np.maximum(total, 1)


def required_overlap(policy: NearPolicy, top: int) -> NDArray[np.int64]:
    """Least overlap of two near texts by the sum of their sizes, 0 to `top`; never decreases with the sum."""
    total = np.arange(1, top + 1)
    share = policy.threshold / (1 + policy.threshold if policy.measure == "jaccard" else 2)
    need = np.maximum(np.floor(share * total).astype(np.int64) - 1, 0)
    for _ in range(3):  # the floor is at most two below; the float comparison has the last word
        need += overlap_similarity(policy.measure, need, total) < policy.threshold
    return np.concatenate([np.zeros(1, np.int64), need])
