"""`triplesmith publish`: upload a finished run to the Hugging Face Hub."""

import argparse
import sys
from pathlib import Path

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
        lines = [str(operation) for operation in pushed.operations]
        sys.stdout.write("\n".join(lines or [f"nothing to change at {pushed.url}"]) + "\n")
    else:
        sys.stdout.write(f"{'uploaded' if pushed.operations else 'it is all there'}: {pushed.url}\n")
    return 0
