"""Render reports as self-contained HTML files, safe whatever a model wrote.

Models' words reach the page as JSON alone, which scripts show as text; and the page's own policy lets no other script
run and nothing be fetched.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from flows.reporting.collect import collect
from flows.reporting.data import ReportData
from flows.store.atomic import replace_file
from flows.store.jsonio import dumps
from flows.store.layout import Layout

SCRIPTS = (
    *("charts", "figures", "row", "funnel", "contents", "lengths", "negatives", "making"),
    *("held", "window", "rows", "page"),
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
    script = "\n".join((templates / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    style = (templates / "page.css").read_text(encoding="utf-8")
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(templates), undefined=StrictUndefined, autoescape=True
    )
    return environment.get_template("page.html").generate(
        title=" beside ".join(names) or runs[0].recipe,
        style=Markup(style),
        style_digest=_digest(style),
        script=Markup(script),
        script_digest=_digest(script),
        blocks=[Markup(block) for run in runs for block in run.held.blocks],
        data=_embedded({"runs": [_without_blocks(run) for run in runs], "names": list(names)}),
    )


def _write(path: Path, page: Iterable[str]) -> Path:
    with replace_file(path) as file:
        for piece in page:
            file.write(piece.encode())
    return path


def _without_blocks(run: ReportData) -> ReportData:
    return replace(run, held=replace(run.held, blocks=()))


def _digest(source: str) -> Markup:
    """Name a script or style in a content security policy."""
    return Markup(f"'sha256-{b64encode(sha256(source.encode()).digest()).decode()}'")


def _embedded(value: Any) -> Markup:
    """Encode for a script element: without `<`, nothing in it can end the element or open a comment."""
    return Markup(dumps(value).decode().replace("<", "\\u003c"))
