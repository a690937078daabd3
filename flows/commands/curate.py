"""`triplesmith curate`: curate triples that were made elsewhere, or a run's rows anew."""

import argparse
import sys

from flows.commands.environment import prepare_prefect
from flows.commands.prefect_server import start_server
from flows.commands.progress import shown
from flows.stages.adopt import open_adoption, run_folder
from flows.stages.ledger import ledger_markdown
from flows.stages.progress import Progress, watching
from flows.stages.request import CurateRequest
from flows.store.ledger import read_benchmarks, read_ledger

NAMES = (
    *("path", "out", "recipe", "config", "split", "columns", "scores", "family", "language", "index"),
    *("publish", "public", "append"),
)
"""Options that are fields of the request."""


def call(args: argparse.Namespace) -> int:
    """Import, curate and publish; returns 0."""
    prepare_prefect("WARNING" if args.debug else "CRITICAL")
    server = start_server()
    request = CurateRequest(
        changes=args.set, benchmarks=args.benchmark, **{name: getattr(args, name) for name in NAMES}
    )
    layout = run_folder(request)
    # whatever is wrong is said while Prefect's server starts
    with open_adoption(request) as adoption:
        sys.stdout.write(f"{request.path} into {layout.root}; {adoption.reading}\n")
        sys.stdout.flush()
    progress = Progress()
    with shown(progress), watching(progress):
        from flows.adopt import adopt
        from flows.ending import run_to_end

        if server:
            server.wait()
        result = run_to_end(adopt(request))
    sys.stdout.write(f"{ledger_markdown(read_ledger(layout))}\n\n")
    for account in read_benchmarks(layout):
        sys.stdout.write(f"{account.statement}\n")
    sys.stdout.write(f"{result.accepted} of {result.target} rows stay; the data set is in {layout.publish}\n")
    for words in result.warnings:
        sys.stderr.write(f"triplesmith: warning: {words}\n")
    if result.commit:
        sys.stdout.write(f"uploaded: {result.commit}\n")
    sys.stdout.write(f"look at {layout.report}, or load it:\n")
    sys.stdout.write(f"  from datasets import load_dataset; load_dataset({str(layout.publish)!r})\n")
    return 0
