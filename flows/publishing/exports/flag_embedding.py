"""FlagEmbedding's training files: JSON lines, one file for each split and kind of task.

Its loaders make demands that they do not check: a row without negatives divides by zero, a prompt that is null becomes
the word None, scores that one file lacks end a distillation, two types in one batch fail, and in-batch negatives are
off only where the name of a file, or of the folder when that is given, ends in `no_in_batch_neg`.
"""

from pathlib import Path
from typing import Any

from flows.domain.records import Row, Text
from flows.publishing.exports.base import Exported, ExportOptions, LineFiles, Rows
from flows.publishing.formats.shape import NOT_UTF8, Unfit, encodable
from flows.publishing.splits import TRAIN
from flows.publishing.tasks import SUFFIX, task_type


def write_flag_embedding(rows: Rows, folder: Path, options: ExportOptions) -> Exported:
    """Write `<split>/<family>.jsonl`, and what must not use in-batch negatives to folders and files that say so."""
    with LineFiles(folder) as files:
        for row in rows():
            line = _line(row, options.scorer)
            if isinstance(line, Unfit):
                files.leave_out(line)
            else:
                suffix = "" if line["type"] == "normal" else SUFFIX
                files.add(f"{row.split or TRAIN}{suffix}/{row.family}-{line['type']}{suffix}.jsonl", line)
    return files.exported


def _line(row: Row, scorer: str | None) -> dict[str, Any] | Unfit:
    if not encodable(row):
        return NOT_UTF8
    if not row.negatives:
        return Unfit("no_negative")
    line: dict[str, Any] = {
        "query": row.query,
        "pos": [text.text for text in row.positives],
        "neg": [text.text for text in row.negatives],
        "prompt": row.instruction,
        "type": task_type(row),
    }
    if scorer is None:
        return line
    if not all(scorer in text.scores for text in (*row.positives, *row.negatives)):
        return Unfit("no_score")
    return {**line, "pos_scores": _scores(row.positives, scorer), "neg_scores": _scores(row.negatives, scorer)}


def _scores(texts: tuple[Text, ...], scorer: str) -> list[float]:
    return [float(text.scores[scorer]) for text in texts]
