"""`triplesmith report`: write report.html anew, or a page with two runs side by side."""

import argparse
import sys
import webbrowser
from pathlib import Path

from flows.recipes.load import builtin_prompts
from flows.reporting.page import write_comparison, write_report
from flows.store.layout import Layout


def call(args: argparse.Namespace) -> int:
    """Write the page, say where it is, and open it when asked."""
    layout, templates = Layout(Path(args.run)), builtin_prompts() / "report"
    if args.compare:
        path = write_comparison(layout, Layout(Path(args.compare)), templates)
    else:
        path = write_report(layout, templates)
    sys.stdout.write(f"look at {path}\n")
    sys.stdout.flush()
    if args.open and not webbrowser.open(path.resolve().as_uri()):
        sys.stderr.write("triplesmith: no browser was found to open it in\n")
    return 0
