"""`triplesmith publish`: upload a finished run to the Hugging Face Hub."""

import argparse
import sys
from pathlib import Path

from flows.stages import publish as stage
from flows.store.layout import Layout
from flows.store.lock import locked
from flows.store.manifest import read_manifest


def call(args: argparse.Namespace) -> int:
    """Assemble the files again from the curated rows and commit them."""
    layout = Layout(Path(args.run))
    read_manifest(layout)
    with locked(layout):
        stage.assemble(layout)
        if args.dry_run:
            operations = stage.dry_run(layout, args.repo, public=args.public)
            sys.stdout.write("\n".join(operations) + "\n")
            return 0
        sys.stdout.write(f"uploaded: {stage.upload(layout, args.repo, public=args.public)}\n")
    return 0
