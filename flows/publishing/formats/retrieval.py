"""The held-out rows as a retrieval benchmark: the configs `corpus`, `queries`, `qrels` and `instruction` of MTEB.

The corpus is all that the held-out rows hold. Only the positives are known to be relevant, so scores say how a model
does on this set, not how it does at finding everything.
"""

from collections.abc import Callable, Sequence

from flows.domain.records import Row, Text
from flows.ids import digest
from flows.publishing.formats.labels import has_labels
from flows.publishing.formats.shape import Record, Shape, Unfit
from flows.publishing.splits import TRAIN

RETRIEVAL = ("corpus", "queries", "qrels", "instruction")


def document_id(text: Text) -> str:
    """Give the id of a document: its own, or for a written text one that follows from its words."""
    return text.doc_id if text.doc_id is not None else digest(text.text)


def unfit_for_retrieval(row: Row) -> Unfit | None:
    """Say why a row is no query of a benchmark, or None when it is one."""
    if row.split in (None, TRAIN):
        return Unfit("not_held_out")
    if has_labels(row):
        return Unfit("labels")
    return Unfit("symmetric") if row.symmetric else None


def relevant(row: Row) -> list[tuple[str, str, int]]:
    """Give query, document and score of every positive."""
    return [(row.id, name, 1) for name in dict.fromkeys(document_id(text) for text in row.positives)]


def new_documents() -> Callable[[Row], list[tuple[str, Text]]]:
    """Build a function that gives the documents of a row that no earlier row of its split had, with their ids."""
    seen: set[tuple[str | None, str]] = set()

    def documents(row: Row) -> list[tuple[str, Text]]:
        found = {document_id(text): text for text in (*row.positives, *row.negatives)}
        fresh = [(name, text) for name, text in found.items() if (row.split, name) not in seen]
        seen.update((row.split, name) for name, _ in fresh)
        return fresh

    return documents


def retrieval_shapes() -> tuple[Shape, ...]:
    """Build the four configs for one writing of a data set, in which every document of a split is written once."""
    documents = new_documents()

    def corpus(row: Row) -> Sequence[Record]:
        return [] if unfit_for_retrieval(row) else [(name, "", text.text) for name, text in documents(row)]

    def queries(row: Row) -> Sequence[Record] | Unfit:
        return unfit_for_retrieval(row) or [(row.id, row.query)]

    def qrels(row: Row) -> Sequence[Record]:
        return [] if unfit_for_retrieval(row) else relevant(row)

    def instruction(row: Row) -> Sequence[Record]:
        return [] if unfit_for_retrieval(row) else [(row.id, row.instruction)]

    judged = {"query-id": "string", "corpus-id": "string", "score": "int64"}
    return (
        Shape("corpus", dict.fromkeys(("_id", "title", "text"), "string"), corpus, "documents of the held-out rows"),
        Shape("queries", {"_id": "string", "text": "string"}, queries, "their queries, as MTEB loads them"),
        Shape("qrels", judged, qrels, "which document is relevant to which query"),
        Shape("instruction", {"query-id": "string", "instruction": "string"}, instruction, "what each query asks for"),
    )
