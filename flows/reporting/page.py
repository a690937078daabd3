"""Write reports as self-contained HTML files."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from markupsafe import Markup

from flows.reporting.collect import collect
from flows.reporting.data import ReportData
from flows.reporting.html import embedded, fill
from flows.store.atomic import replace_file
from flows.store.layout import Layout

SCRIPTS = (
    *("charts", "pace", "figures", "row", "funnel", "contents", "lengths", "negatives", "quality", "making"),
    *("held", "window", "rows", "theme", "page"),
)
"""Files of the page's script, in their order."""


def write_report(layout: Layout, templates: Path, target: int | None = None) -> Path:
    """Write report.html of a run that was to accept `target` rows, by default those of its recipe.

    Equal runs give equal bytes. Raises UsageError and StoreError.
    """
    data = collect(layout)
    return _write(layout.report, render([data if target is None else replace(data, target=target)], templates))


def write_comparison(layout: Layout, other: Layout, templates: Path) -> Path:
    """Write a page with two runs side by side into the folder of the first, named after the second's."""
    names = [entry.root.resolve().name for entry in (layout, other)]
    page = render([collect(layout), collect(other)], templates, names)
    return _write(layout.report.with_name(f"report-beside-{names[1]}.html"), page)


def render(runs: Sequence[ReportData], templates: Path, names: Sequence[str] = ()) -> Iterator[str]:
    """Fill the template `page.html` with one run, or with two and the names to tell them apart; yields its pieces."""
    return fill(
        templates / "page.html",
        [templates / "page.css"],
        [templates / f"{name}.js" for name in SCRIPTS],
        title=" beside ".join(names) or runs[0].recipe,
        blocks=[Markup(block) for run in runs for block in run.held.blocks],
        data=embedded({"runs": [_without_blocks(run) for run in runs], "names": list(names)}),
    )


def _write(path: Path, page: Iterable[str]) -> Path:
    with replace_file(path) as file:
        for piece in page:
            file.write(piece.encode())
    return path


def _without_blocks(run: ReportData) -> ReportData:
    return replace(run, held=replace(run.held, blocks=()))
