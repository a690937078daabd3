"""Tevatron's training files: JSON lines with the passages inline."""

from collections.abc import Sequence
from pathlib import Path

from flows.domain.records import Text
from flows.ids import digest
from flows.publishing.exports.base import Exported, ExportOptions, LineFiles, Rows
from flows.publishing.formats.shape import NOT_UTF8, Unfit, encodable
from flows.publishing.splits import TRAIN


def write_tevatron(rows: Rows, folder: Path, options: ExportOptions) -> Exported:
    """Write `<split>.jsonl`; a row without negatives, from which its loader cannot draw, is left out."""
    with LineFiles(folder) as files:
        for row in rows():
            if not encodable(row):
                files.leave_out(NOT_UTF8)
            elif not row.negatives:
                files.leave_out(Unfit("no_negative"))
            else:
                line = {
                    "query_id": row.id,
                    "query": row.query,
                    "positive_passages": _passages(row.positives),
                    "negative_passages": _passages(row.negatives),
                }
                files.add(f"{row.split or TRAIN}.jsonl", line)
    return files.exported


def document_id(text: Text) -> str:
    """Give the id of a document: its own, or for a written text one that follows from its words."""
    return text.doc_id if text.doc_id is not None else digest(text.text)


def _passages(texts: Sequence[Text]) -> list[dict[str, str]]:
    # no title: the loader would put even an empty one, and a space, before the text
    return [{"docid": document_id(text), "text": text.text} for text in texts]
