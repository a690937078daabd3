"""Tevatron's training files: JSON lines with the passages inline, or with ids of a corpus."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.domain.records import Row, Text
from flows.publishing.exports.base import Exported, ExportOptions, LineFiles, Rows
from flows.publishing.formats.retrieval import document_id
from flows.publishing.formats.shape import NOT_UTF8, Unfit, encodable
from flows.publishing.splits import TRAIN


def write_tevatron(rows: Rows, folder: Path, options: ExportOptions) -> Exported:
    """Write `<split>.jsonl`, with a teacher's scores for distillation when a scorer is named.

    A row without negatives, from which its loader cannot draw, is left out.
    """
    with LineFiles(folder) as files:
        for row in rows():
            if unfit := _unfit(row, options.scorer):
                files.leave_out(unfit)
                continue
            line = {
                "query_id": row.id,
                "query": row.query,
                "positive_passages": _passages(row.positives, options.scorer),
                "negative_passages": _passages(row.negatives, options.scorer),
            }
            files.add(f"{row.split or TRAIN}.jsonl", line)
    return files.exported


def write_tevatron_ids(rows: Rows, folder: Path, options: ExportOptions) -> Exported:
    """Write `<split>.jsonl` with document ids, and every document once to `corpus.jsonl`."""
    seen: set[str] = set()
    with LineFiles(folder) as files:
        for row in rows():
            if unfit := _unfit(row, None):
                files.leave_out(unfit)
                continue
            for text in (*row.positives, *row.negatives):
                if (name := document_id(text)) not in seen:
                    seen.add(name)
                    files.add("corpus.jsonl", {"docid": name, "text": text.text})
            line = {
                "query_id": row.id,
                "query_text": row.query,
                "positive_document_ids": [document_id(text) for text in row.positives],
                "negative_document_ids": [document_id(text) for text in row.negatives],
            }
            files.add(f"{row.split or TRAIN}.jsonl", line)
    return files.exported


def _unfit(row: Row, scorer: str | None) -> Unfit | None:
    if not encodable(row):
        return NOT_UTF8
    if not row.negatives:
        return Unfit("no_negative")
    scored = scorer is None or all(scorer in text.scores for text in (*row.positives, *row.negatives))
    return None if scored else Unfit("no_score")


def _passages(texts: Sequence[Text], scorer: str | None) -> list[dict[str, Any]]:
    # no title: the loader would put even an empty one, and a space, before the text
    passages: list[dict[str, Any]] = [{"docid": document_id(text), "text": text.text} for text in texts]
    if scorer is None:
        return passages
    return [{**passage, "score": float(text.scores[scorer])} for passage, text in zip(passages, texts, strict=True)]
