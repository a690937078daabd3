"""Render a report as one self-contained HTML file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from flows.reporting.collect import ReportData, collect
from flows.store.atomic import replace_file
from flows.store.layout import Layout


def write_report(layout: Layout, templates: Path, target: int) -> Path:
    """Write report.html of a run; equal runs give equal bytes. Raises StoreError."""
    page = render(collect(layout, target), templates)
    with replace_file(layout.report) as file:
        file.write(page.encode("utf-8", "replace"))
    return layout.report


def render(data: ReportData, templates: Path) -> str:
    """Fill the template; whatever a model wrote is escaped, or reaches the page as data that scripts set as text."""
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(templates),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["share"] = _share
    script = Markup((templates / "page.js").read_text(encoding="utf-8"))
    style = Markup((templates / "page.css").read_text(encoding="utf-8"))
    return environment.get_template("page.html").render(
        data=data, rows=_embedded(data.rows), script=script, style=style
    )


def _embedded(rows: Any) -> Markup:
    """Encode for a script element: no `<` can end it."""
    text = json.dumps(rows, ensure_ascii=True, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))


def _share(count: int, counts: Mapping[str, int]) -> str:
    """Width of a bar: percent of the largest count."""
    return f"{100 * count / max(1, *counts.values()):.1f}%"
