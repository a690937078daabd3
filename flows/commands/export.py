"""`triplesmith export`: write a finished run in the formats that trainers and benchmarks read."""

import argparse
import sys
from pathlib import Path

from flows.publishing.exports.base import ExportOptions
from flows.stages.export import Export, export_formats
from flows.store.layout import Layout
from flows.store.lock import locked
from flows.store.manifest import read_manifest


def call(args: argparse.Namespace) -> int:
    """Write every format and say what went in and what could not."""
    if not args.format:
        sys.stdout.write(_formats())
        return 0
    layout = Layout(Path(args.run))
    read_manifest(layout)
    options = ExportOptions(args.negatives, args.scorer, args.instructions, args.by_family)
    with locked(layout):
        for done in export_formats(layout, args.format, Path(args.out) if args.out else None, options):
            sys.stdout.write(_account(done))
            sys.stdout.flush()
    return 0


def _account(done: Export) -> str:
    lines = sum(done.exported.files.values())
    said = f"{done.name}: {done.folder}, {lines} lines in {len(done.exported.files)} files"
    unfit = done.exported.unfit
    if unfit:
        reasons = ", ".join(f"{count} {reason}" for reason, count in unfit.most_common())
        said += f"; it cannot hold {unfit.total()} of {done.exported.rows} rows: {reasons}"
    return said + "\n"


def _formats() -> str:
    from flows.publishing.export import FORMATS

    width = max(map(len, FORMATS))
    lines = (f"{name:<{width}}  {one.about}" for name, one in FORMATS.items())
    return "name one or more with --format:\n" + "\n".join(lines) + "\n"
