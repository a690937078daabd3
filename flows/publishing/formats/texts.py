"""Formats that hold nothing but training columns: the first is the anchor, every further one an input in order.

The texts are bare: trainers take instructions as an argument, and `full` has them.
"""

from collections.abc import Sequence
from itertools import cycle

from flows.domain.records import Row
from flows.publishing.formats.shape import Record, Shape, Unfit

REQUESTED = "requested"
"""Scorer whose score is the grade that the model was asked for, rescaled to 0..1."""


def _triplets(row: Row) -> Sequence[Record] | Unfit:
    """Give a line for each negative, with the positives in turn."""
    if not row.negatives:
        return Unfit("no_negative")
    pairs = zip(row.negatives, cycle(row.positives), strict=False)
    return [(row.query, positive.text, negative.text) for negative, positive in pairs]


def _pairs(row: Row) -> Sequence[Record]:
    """Give a line for each positive."""
    return [(row.query, positive.text) for positive in row.positives]


def _scored_pairs(row: Row) -> Sequence[Record] | Unfit:
    """Give a line for each positive and negative that has a grade."""
    graded = [text for text in (*row.positives, *row.negatives) if REQUESTED in text.scores]
    if not graded:
        return Unfit("no_score")
    return [(row.query, text.text, text.scores[REQUESTED]) for text in graded]


TRIPLET = Shape(
    "triplet",
    {"anchor": "string", "positive": "string", "negative": "string"},
    _triplets,
    "one line for each hard negative; for MultipleNegativesRankingLoss, TripletLoss, GISTEmbedLoss",
)

PAIR = Shape(
    "pair",
    {"anchor": "string", "positive": "string"},
    _pairs,
    "one line for each positive; for in-batch negatives",
)

PAIR_SCORE = Shape(
    "pair-score",
    {"sentence1": "string", "sentence2": "string", "score": "float64"},
    _scored_pairs,
    "graded pairs, the grade asked of the model rescaled to 0..1; for CoSENTLoss, AnglELoss, CosineSimilarityLoss",
)
