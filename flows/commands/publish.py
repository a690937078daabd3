"""`triplesmith publish`: upload a finished run to the Hugging Face Hub."""

import argparse
import sys
from pathlib import Path

from flows.publishing.push import Pushed
from flows.stages.publish import assemble
from flows.stages.upload import upload
from flows.store.layout import Layout
from flows.store.lock import locked
from flows.store.manifest import read_manifest


def call(args: argparse.Namespace) -> int:
    """Assemble the files again from the curated rows and commit them."""
    layout = Layout(Path(args.run))
    read_manifest(layout)
    with locked(layout):
        assemble(layout)
        pushed = upload(layout, args.repo, public=args.public, append=args.append, tag=args.tag, dry=args.dry_run)
    if args.dry_run:
        sys.stdout.write(_plan(pushed))
    else:
        sys.stdout.write(f"{'uploaded' if pushed.operations else 'it is all there'}: {pushed.url}\n")
    return 0


def _plan(pushed: Pushed) -> str:
    """Say what a commit would hold, a line for each file."""
    if not pushed.operations:
        return f"nothing to change at {pushed.url}\n"
    added = sum(operation.size for operation in pushed.operations if operation.kind == "add")
    on = f"on top of {pushed.url}" if pushed.oid else f"in a new repository {pushed.url}"
    head = f"one commit {on}: {len(pushed.operations)} files, {added} bytes to add"
    return "\n".join([head, *map(str, pushed.operations)]) + "\n"
