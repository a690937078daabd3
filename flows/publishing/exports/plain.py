"""Shapes as Parquet, JSON lines or CSV: what sentence-transformers, and everything else, reads."""

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from flows.domain.records import Row
from flows.errors import UsageError
from flows.publishing.configs import of_group
from flows.publishing.exports.base import Exported, ExportOptions, LineFiles, Rows, files_of
from flows.publishing.formats.labels import TEXT_LABEL, class_number, has_labels
from flows.publishing.formats.shape import NOT_UTF8, Record, Shape, Unfit, encodable
from flows.publishing.formats.texts import REQUESTED, n_tuple, scored
from flows.publishing.metadata import config_metadata, stated_features, to_yaml
from flows.publishing.parquet import write_parquet
from flows.publishing.splits import TRAIN
from flows.publishing.tasks import in_batch_name

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
    exported = _parquet(rows, folder, TEXT_LABEL)
    labelled = (row for row in rows() if has_labels(row) and encodable(row))
    classes = {class_number(row): {"task": row.task, "name": row.positives[0].text} for row in labelled}
    with LineFiles(folder) as files:
        for number, meaning in classes.items():
            files.add("classes.jsonl", {"label": number, **meaning})
    return replace(exported, files={**exported.files, **files.exported.files})


def jsonl(shape: Shape) -> Callable[[Rows, Path, ExportOptions], Exported]:
    """Build the writer of one shape as JSON lines, a file for each split."""

    def write(rows: Rows, folder: Path, options: ExportOptions) -> Exported:
        with LineFiles(folder, to_yaml(stated_features(shape.columns))) as files:
            for row in rows():
                for line in _lines(row, shape, files.exported):
                    files.add(f"{row.split or TRAIN}.jsonl", dict(zip(shape.columns, line, strict=True)))
        return files.exported

    return write


def comma_separated(shape: Shape) -> Callable[[Rows, Path, ExportOptions], Exported]:
    """Build the writer of one flat shape as CSV with a header, a file for each split."""

    def write(rows: Rows, folder: Path, options: ExportOptions) -> Exported:
        exported = Exported(metadata=to_yaml(stated_features(shape.columns)))
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
    return Exported(files_of(written), written.unfit, metadata=to_yaml(stated_features(shape.columns)))


def _by_family(rows: Rows, folder: Path, shape: Shape) -> Exported:
    """Write a config for each family and say in its name when other rows' positives are no safe negatives."""
    names = sorted({in_batch_name(row) for row in rows()})
    written = write_parquet(rows(), folder, [replace(of_group(shape, name), name=name) for name in names])
    files = {path: lines for config in written for path, lines in files_of(config).items()}
    unfit = sum((config.unfit for config in written), Counter[str]())
    return Exported(files, unfit, metadata=to_yaml(config_metadata([config for config in written if config.rows])))


def _lines(row: Row, shape: Shape, exported: Exported) -> Iterator[Record]:
    laid_out = shape.lay_out(row) if encodable(row) else NOT_UTF8
    if isinstance(laid_out, Unfit):
        exported.unfit[laid_out.reason] += 1
    else:
        yield from laid_out
