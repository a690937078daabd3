"""`triplesmith serve`: run the pipeline on a schedule, as a Prefect deployment that this process serves."""

import argparse
import sys

from flows.commands.environment import prepare_prefect
from flows.commands.request import run_request
from flows.stages.work import read_request


def call(args: argparse.Namespace) -> int:
    """Serve until interrupted."""
    request = run_request(args)
    loaded, layout = read_request(request)
    prepare_prefect()
    from flows.pipeline import pipeline

    name = f"triplesmith-{loaded.recipe.name}"
    sys.stdout.write(f"serving {name} into {layout.root}, cron {args.cron!r}; Ctrl-C ends it\n")
    sys.stdout.flush()
    pipeline.serve(
        name=name, cron=args.cron, parameters={"request": request.model_dump()}, print_starting_message=False
    )
    return 0
