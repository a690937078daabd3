"""Shapes as Parquet, JSON lines or CSV: what sentence-transformers, and everything else, reads."""

import csv
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from flows.domain.records import Row
from flows.errors import UsageError
from flows.publishing.card import config_metadata
from flows.publishing.exports.base import Exported, ExportOptions, LineFiles, Rows
from flows.publishing.exports.flag_embedding import in_batch_name
from flows.publishing.features import card_features
from flows.publishing.formats.labels import find_classes, text_label
from flows.publishing.formats.shape import NOT_UTF8, Record, Shape, Unfit, encodable
from flows.publishing.formats.texts import REQUESTED, n_tuple, scored
from flows.publishing.parquet import Written, write_parquet
from flows.publishing.splits import TRAIN

ShapeOf = Callable[[ExportOptions], Shape]


def n_tuple_of(options: ExportOptions) -> Shape:
    """Build the n-tuple that the options ask for; raises UsageError."""
    if options.negatives < 1:
        raise UsageError(f"negatives {options.negatives}: a line needs at least one")
    return n_tuple(options.negatives)


def scored_of(options: ExportOptions) -> Shape:
    """Build the scored n-tuple that the options ask for; raises UsageError."""
    if options.negatives < 1:
        raise UsageError(f"negatives {options.negatives}: a line needs at least one")
    return scored(options.negatives, options.scorer or REQUESTED)


def parquet(shape_of: ShapeOf) -> Callable[[Rows, Path, ExportOptions], Exported]:
    """Build the writer of one shape as Parquet."""

    def write(rows: Rows, folder: Path, options: ExportOptions) -> Exported:
        shape = shape_of(options)
        return _by_family(rows, folder, shape) if options.by_family else _parquet(rows, folder, shape)

    return write


def write_text_label(rows: Rows, folder: Path, options: ExportOptions) -> Exported:
    """Write texts and classes as Parquet, and what the numbers mean to `classes.jsonl`."""
    classes = find_classes(rows())
    exported = _parquet(rows, folder, text_label(classes))
    with LineFiles(folder) as files:
        for (task, label), number in classes.items():
            files.add("classes.jsonl", {"label": number, "task": task, "name": label})
    return replace(exported, files={**exported.files, **files.exported.files})


def jsonl(shape: Shape) -> Callable[[Rows, Path, ExportOptions], Exported]:
    """Build the writer of one shape as JSON lines, a file for each split."""

    def write(rows: Rows, folder: Path, options: ExportOptions) -> Exported:
        with LineFiles(folder, _stated(shape)) as files:
            for row in rows():
                for line in _lines(row, shape, files.exported):
                    files.add(f"{row.split or TRAIN}.jsonl", dict(zip(shape.columns, line, strict=True)))
        return files.exported

    return write


def comma_separated(shape: Shape) -> Callable[[Rows, Path, ExportOptions], Exported]:
    """Build the writer of one flat shape as CSV with a header, a file for each split."""

    def write(rows: Rows, folder: Path, options: ExportOptions) -> Exported:
        exported = Exported(metadata=_stated(shape))
        with ExitStack() as files:
            writers = {}
            for row in rows():
                name = f"{row.split or TRAIN}.csv"
                for line in _lines(row, shape, exported):
                    if name not in writers:
                        file = files.enter_context((folder / name).open("w", encoding="utf-8", newline=""))
                        writers[name] = csv.writer(file, lineterminator="\n")
                        writers[name].writerow(shape.columns)
                    writers[name].writerow(line)
                    exported.files[name] = exported.files.get(name, 0) + 1
        return exported

    return write


def _parquet(rows: Rows, folder: Path, shape: Shape) -> Exported:
    (written,) = write_parquet(rows(), folder, [shape])
    return Exported(_files(written), written.unfit, _stated(shape))


def _by_family(rows: Rows, folder: Path, shape: Shape) -> Exported:
    """Write a config for each family and say in its name when other rows' positives are no safe negatives."""
    names = sorted({in_batch_name(row) for row in rows()})
    exported = Exported()
    written: list[Written] = []
    for name in names:
        one = (row for row in rows() if in_batch_name(row) == name)
        written += write_parquet(one, folder, [replace(shape, name=name)])
        exported.files.update(_files(written[-1]))
        exported.unfit.update(written[-1].unfit)
    return replace(exported, metadata=_metadata(config_metadata([config for config in written if config.rows])))


def _files(written: Written) -> dict[str, int]:
    folder = f"data/{written.shape.name}"
    return {f"{folder}/{split}-*.parquet": size.rows for split, size in written.splits.items()}


def _stated(shape: Shape) -> str:
    """State the types, so that a column that is null throughout one file loads all the same."""
    return _metadata({"dataset_info": {"features": card_features(shape.columns)}})


def _metadata(metadata: dict[str, Any]) -> str:
    from huggingface_hub import DatasetCardData

    return DatasetCardData(**metadata).to_yaml().strip()


def _lines(row: Row, shape: Shape, exported: Exported) -> Iterator[Record]:
    laid_out = shape.lay_out(row) if encodable(row) else NOT_UTF8
    if isinstance(laid_out, Unfit):
        exported.unfit[laid_out.reason] += 1
    else:
        yield from laid_out
