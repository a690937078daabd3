"""What kind of task a row is, which says how a batch may be made of such rows."""

from flows.domain.records import Row
from flows.publishing.formats.labels import has_labels

SUFFIX = "_no_in_batch_neg"
"""Ends the name of what holds rows whose texts are no safe negatives of each other; FlagEmbedding looks for it."""


def task_type(row: Row) -> str:
    """Name the kind of task as FlagEmbedding's in-context trainer does.

    Texts in two languages are a search for translations, which is `normal`.
    """
    if has_labels(row):
        return "symmetric_class"
    if row.symmetric and row.query_language == row.document_language:
        return "symmetric_sts"
    return "normal"


def in_batch_name(row: Row) -> str:
    """Give the family, with a suffix where texts of other rows of a batch are no safe negatives."""
    return row.family if task_type(row) == "normal" else row.family + SUFFIX
