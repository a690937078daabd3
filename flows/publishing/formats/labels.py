"""The format of one text and its class, for losses that mine triplets within a batch."""

from collections.abc import Sequence

from flows.domain.records import Row
from flows.ids import digest
from flows.publishing.formats.shape import Record, Shape, Unfit


def has_labels(row: Row) -> bool:
    """Tell whether the row's positives and negatives are labels of its query, not documents."""
    return bool(row.requested.get("labels"))


def class_number(row: Row) -> int:
    """Number the row's class, of 48 bits; the same word is another class in another task.

    The number follows from task and label alone, so that it means the same in every part of a set that grows.
    """
    return int(digest(row.task, row.positives[0].text, size=12), 16)


def _labelled_text(row: Row) -> Sequence[Record] | Unfit:
    """Give the text and its class; other labels than the first are left out."""
    return [(row.query, class_number(row))] if has_labels(row) else Unfit("no_label")


TEXT_LABEL = Shape(
    "text-label",
    {"sentence": "string", "label": "int64"},
    _labelled_text,
    "a text and its class; for BatchAllTripletLoss, BatchHardTripletLoss and their kin",
)
