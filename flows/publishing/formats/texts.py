"""Formats that hold nothing but training columns: the first is the anchor, every further one an input in order.

The texts are bare: trainers take instructions as an argument, and `full` has them.
"""

from collections.abc import Sequence
from itertools import cycle

from flows.domain.records import Row
from flows.publishing.formats.shape import Record, Shape, Unfit

REQUESTED = "requested"
"""Scorer whose score is the grade that the model was asked for, rescaled to 0..1."""

LEAST_GRADE = 0.5
"""Of a graded pair that is to be pulled together."""


def _triplets(row: Row) -> Sequence[Record] | Unfit:
    """Give a line for each negative, with the positives in turn."""
    if not row.negatives:
        return Unfit("no_negative")
    pairs = zip(row.negatives, cycle(row.positives), strict=False)
    return [(row.query, positive.text, negative.text) for negative, positive in pairs]


def _pairs(row: Row) -> Sequence[Record] | Unfit:
    """Give a line for each positive, but for one that a data set made elsewhere grades low."""
    alike = [text for text in row.positives if text.scores.get(REQUESTED, 1.0) >= LEAST_GRADE]
    return [(row.query, positive.text) for positive in alike] if alike else Unfit("low_grade")


def _scored_pairs(row: Row) -> Sequence[Record] | Unfit:
    """Give a line for each positive and negative that has a grade."""
    graded = [text for text in (*row.positives, *row.negatives) if REQUESTED in text.scores]
    if not graded:
        return Unfit("no_score")
    return [(row.query, text.text, text.scores[REQUESTED]) for text in graded]


def _labelled_pairs(row: Row) -> Sequence[Record]:
    """Give a line for each positive (1) and negative (0)."""
    texts = ((row.positives, 1), (row.negatives, 0))
    return [(row.query, text.text, label) for side, label in texts for text in side]


def _ranked_list(row: Row) -> Sequence[Record]:
    """Give one line with all texts, each with its grade or, where none has one, 1 and 0."""
    texts = (*row.positives, *row.negatives)
    if all(REQUESTED in text.scores for text in texts):
        labels = [text.scores[REQUESTED] for text in texts]
    else:
        labels = [1.0] * len(row.positives) + [0.0] * len(row.negatives)
    return [(row.query, [text.text for text in texts], labels)]


def n_tuple(negatives: int) -> Shape:
    """Build the format of one line for each positive with the same number of negatives everywhere."""

    def lay_out(row: Row) -> Sequence[Record] | Unfit:
        if len(row.negatives) < negatives:
            return Unfit("too_few_negatives")
        hard = tuple(text.text for text in row.negatives[:negatives])
        return [(row.query, positive.text, *hard) for positive in row.positives]

    columns = ("anchor", "positive", *_numbered(negatives))
    about = f"{negatives} hard negatives on every line; for the losses of `triplet`"
    return Shape("n-tuple", dict.fromkeys(columns, "string"), lay_out, about)


def scored(negatives: int, scorer: str) -> Shape:
    """Build the n-tuple with a teacher's raw scores: of the positive, then of each negative.

    MarginMSELoss (arXiv 2010.02666) takes the differences itself, DistillKLDivLoss (arXiv 2010.11386) the scores.
    """

    def lay_out(row: Row) -> Sequence[Record] | Unfit:
        known = [text for text in row.negatives if scorer in text.scores][:negatives]
        positives = [text for text in row.positives if scorer in text.scores]
        if len(known) < negatives or not positives:
            return Unfit("too_few_negatives" if len(row.negatives) < negatives else "no_score")
        hard, scores = tuple(text.text for text in known), [text.scores[scorer] for text in known]
        return [(row.query, one.text, *hard, [one.scores[scorer], *scores]) for one in positives]

    texts = ("query", "positive", *_numbered(negatives))
    about = f"the scores of `{scorer}`, positive first; for MarginMSELoss, DistillKLDivLoss"
    return Shape("scored", {**dict.fromkeys(texts, "string"), "label": ["float64"]}, lay_out, about)


def _numbered(negatives: int) -> list[str]:
    return [f"negative_{number}" for number in range(1, negatives + 1)]


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

PAIR_CLASS = Shape(
    "pair-class",
    {"sentence1": "string", "sentence2": "string", "label": "int64"},
    _labelled_pairs,
    "1 for a positive, 0 for a negative; for ContrastiveLoss, OnlineContrastiveLoss, SoftmaxLoss",
)

RANKED_LIST = Shape(
    "ranked-list",
    {"query": "string", "docs": ["string"], "labels": ["float64"]},
    _ranked_list,
    "all texts of a query on one line; for listwise losses of cross-encoders",
)
