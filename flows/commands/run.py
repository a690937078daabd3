"""`triplesmith run`: make a data set, or continue one."""

import argparse
import asyncio
import sys

from flows import garbage
from flows.commands.environment import prepare_prefect
from flows.commands.prefect_server import start_server
from flows.commands.progress import shown
from flows.commands.request import run_request
from flows.stages.models import endpoints, is_replayed
from flows.stages.progress import Progress, watching
from flows.stages.projection import against_plan
from flows.stages.request import RunRequest
from flows.stages.work import open_work, read_request


def call(args: argparse.Namespace) -> int:
    """Run the pipeline; returns 0, or 3 when rows are missing."""
    prepare_prefect("WARNING" if args.debug else "CRITICAL")
    server = start_server()
    garbage.pause()
    request = run_request(args)
    loaded, layout = read_request(request)
    sys.stdout.write(f"{loaded.recipe.name}: {loaded.recipe.rows} rows into {layout.root}, from {_source(request)}\n")
    sys.stdout.flush()
    asyncio.run(_check(request))
    progress = Progress()
    with shown(progress), watching(progress):
        from flows.pipeline import run

        if server:
            server.wait()
        result = run(request)
    sys.stdout.write(f"{result.accepted} of {result.target} rows accepted; the data set is in {layout.publish}\n")
    for words in result.warnings:
        sys.stderr.write(f"triplesmith: warning: {words}\n")
    if result.commit:
        sys.stdout.write(f"uploaded: {result.commit}\n")
    if result.short:
        sys.stderr.write(f"triplesmith: {result.short}\n")
        return 3
    sys.stdout.write(f"look at {layout.report}, or load it:\n")
    sys.stdout.write(f"  from datasets import load_dataset; load_dataset({str(layout.publish)!r}, 'triplet')\n")
    return 0


def _source(request: RunRequest) -> str:
    """Say where the replies come from."""
    loaded, _ = read_request(request)
    if is_replayed(request, loaded.recipe):
        return "recorded replies of a language model; no model is asked"
    entries = loaded.recipe.entries.items()
    where = {name: ", ".join(endpoints(request, entry)) for name, entry in entries}
    return "; ".join(f"{name}: {specs}" if name else specs for name, specs in where.items())


async def _check(request: RunRequest) -> None:
    """Find whatever is wrong with the request, the folder or the endpoint before Prefect takes seconds to start."""
    async with open_work(request, Progress()) as work:
        if words := against_plan(work):
            sys.stdout.write(words + "\n")
            sys.stdout.flush()
