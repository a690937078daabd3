"""Can texts be told apart by how they are written? If so, a model learns that instead of what they mean.

A logistic regression on hashed character n-grams sees the texts alone, never the query. It is written out in numpy: the
training of a few hundred texts needs no more, and an audit that asks for another package would seldom be run.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flows.curation.near.arrays import mix

FOLDS = 5
LETTERS = 600
"""Of a text that are read: style shows early."""
SIZES = (2, 3, 4)
FEATURES = 1 << 16
STEPS = 40
PENALTY = 1e-4


def separability(texts: Sequence[str], labels: Sequence[bool], groups: Sequence[int]) -> float:
    """Area under the ROC curve with which a query-blind classifier tells the labels apart: 0.5 when it cannot.

    Cross-validated, a group never on both sides; the mean over folds that have both labels.
    """
    features = _Features(texts)
    truth = np.array(labels, bool)
    fold = (mix(np.array(groups, np.int64)) % np.uint64(FOLDS)).astype(np.int64)
    areas = [_area(features, truth, fold == number) for number in range(FOLDS)]
    known = [area for area in areas if area is not None]
    return round(float(np.mean(known)), 4) if known else 0.5


class _Features:
    """Which n-grams each text has, every text's vector of length one; row after row."""

    def __init__(self, texts: Sequence[str]) -> None:
        rows = [_grams(text[:LETTERS]) for text in texts]
        self._column = np.concatenate([np.zeros(0, np.int64), *rows])
        length = np.array([len(row) for row in rows])
        self._row = np.repeat(np.arange(len(rows)), length)
        self._value = np.repeat(1 / np.sqrt(np.maximum(length, 1)), length)
        self._texts = len(rows)

    def times(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Each text's sum of weights."""
        return np.bincount(self._row, self._value * weights[self._column], minlength=self._texts).astype(np.float64)

    def transposed(self, residual: NDArray[np.float64]) -> NDArray[np.float64]:
        """Each feature's sum of residuals."""
        return np.bincount(self._column, self._value * residual[self._row], minlength=FEATURES).astype(np.float64)


def _grams(text: str) -> NDArray[np.int64]:
    """Hash the distinct n-grams of a text, its case and white space kept: they are style."""
    letters = np.frombuffer(f" {text} ".encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    found = []
    for size in SIZES:
        count = max(len(letters) - size + 1, 0)
        code = np.full(count, size, np.uint64)
        for step in range(size):
            code = code * np.uint64(1_000_003) + letters[step : step + count]
        found.append(mix(code) % np.uint64(FEATURES))
    return np.unique(np.concatenate(found)).astype(np.int64)


def _area(features: _Features, truth: NDArray[np.bool_], held: NDArray[np.bool_]) -> float | None:
    """Train on what is not held out and judge what is; None when a side lacks a label."""
    if not all(0 < truth[side].sum() < side.sum() for side in (held, ~held)):
        return None
    # both labels weigh the same, so that many negatives do not drown few positives
    weight = np.where(truth, 0.5 / truth[~held].sum(), 0.5 / (~truth[~held]).sum()) * ~held
    weights = previous = np.zeros(FEATURES)
    for step in range(STEPS):  # Nesterov's method; unit vectors bound the curvature by 1/4
        ahead = weights + step / (step + 3) * (weights - previous)
        chance = 1 / (1 + np.exp(-features.times(ahead)))
        gradient = features.transposed(weight * (chance - truth)) + PENALTY * ahead
        previous, weights = weights, ahead - 4 * gradient
    return roc_area(features.times(weights)[held], truth[held])


def roc_area(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Chance that a true one scores higher than a false one, a tie counting half (Mann and Whitney's U)."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    rank = (ends - (counts - 1) / 2)[inverse]
    true = int(truth.sum())
    return float((rank[truth].sum() - true * (true + 1) / 2) / (true * (len(truth) - true)))
