"""`triplesmith review`: accept, reject and edit rows on a local page."""

import argparse
import asyncio
import sys
import webbrowser
from pathlib import Path

from flows.recipes.load import builtin_prompts
from flows.review.page import review_page
from flows.review.server import ReviewServer
from flows.review.session import Session
from flows.stages import publish
from flows.store.layout import Layout
from flows.store.lock import locked
from flows.store.manifest import read_manifest


def call(args: argparse.Namespace) -> int:
    """Serve the page until its person is done; then assemble the data set anew when anything was decided."""
    layout = Layout(Path(args.run))
    read_manifest(layout)
    with locked(layout), Session(layout) as session:
        page = review_page(builtin_prompts(), session.name)

        def ready(url: str) -> None:
            sys.stdout.write(f"review {session.name} at {url}\n(the page's Finish or Ctrl-C ends it)\n")
            sys.stdout.flush()
            if args.open and not webbrowser.open(url):
                sys.stderr.write("triplesmith: no browser was found; open the address yourself\n")

        try:
            asyncio.run(ReviewServer(session, page).run(args.port, ready))
        except KeyboardInterrupt:
            # the usual way to end a local server; every verdict is on disk
            sys.stdout.write("\n")
        counts = session.counts
        sys.stdout.write(
            f"{counts['decided']} of {counts['rows']} rows decided: {counts['accepted']} accepted, {counts['edited']} "
            f"edited, {counts['rejected']} rejected, {counts['rescued']} taken back\n"
        )
        if session.changed:
            tally = publish.assemble(layout)
            sys.stdout.write(f"{tally.out} rows in {layout.publish}\n")
    return 0
