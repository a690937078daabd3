"""The format of one text and its class, for losses that mine triplets within a batch."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from flows.domain.records import Row
from flows.publishing.formats.shape import Record, Shape, Unfit

Class: TypeAlias = tuple[str, str]
"""Task and label: the same word is another class in another task."""


def has_labels(row: Row) -> bool:
    """Tell whether the row's positives and negatives are labels of its query, not documents."""
    return bool(row.requested.get("labels"))


def find_classes(rows: Iterable[Row]) -> dict[Class, int]:
    """Number the classes of all rows, in order of task and label."""
    found = {(row.task, positive.text) for row in rows if has_labels(row) for positive in row.positives[:1]}
    return {name: number for number, name in enumerate(sorted(found))}


def text_label(classes: Mapping[Class, int]) -> Shape:
    """Build the format of a text and the number of its class; other positives than the first are left out."""

    def lay_out(row: Row) -> Sequence[Record] | Unfit:
        if not has_labels(row):
            return Unfit("no_label")
        return [(row.query, classes[row.task, row.positives[0].text])]

    about = "a text and its class; for BatchAllTripletLoss, BatchHardTripletLoss and their kin"
    return Shape("text-label", {"sentence": "string", "label": "int64"}, lay_out, about)
