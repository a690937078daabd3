"""Write the finished rows of a run in the formats that other programs read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from flows.publishing.export import check_formats, export
from flows.publishing.exports.base import Exported, ExportOptions
from flows.recipes.folder import read_recipe
from flows.stages.finished import finished_rows
from flows.store.layout import Layout


@dataclass(frozen=True, slots=True)
class Export:
    """One format, written."""

    name: str
    folder: Path
    exported: Exported


def export_formats(layout: Layout, names: Sequence[str], out: Path | None, options: ExportOptions) -> Iterator[Export]:
    """Write each format to a folder of its name below `out`, or below the run's `export/`; yield it when it is there.

    Raises UsageError before anything is written when a name or an option is wrong, or no row is curated yet.
    """
    check_formats(names, options)
    rows = finished_rows(layout, read_recipe(layout))
    for name in dict.fromkeys(names):
        folder = (out or layout.export) / name
        yield Export(name, folder, export(rows, folder, name, options))
