"""`triplesmith serve`: run the pipeline on a schedule, as a Prefect deployment that this process serves."""

import argparse
import sys
from pathlib import Path

from flows.commands.environment import prepare_prefect
from flows.commands.request import run_request
from flows.stages.models import is_replayed
from flows.stages.work import DAY, read_request


def call(args: argparse.Namespace) -> int:
    """Serve until interrupted."""
    request = run_request(args)
    if not request.out and not is_replayed(request, read_request(request)[0].recipe):
        request = request.model_copy(update={"out": f"outputs/{Path(request.recipe).stem}-{DAY}"})
    loaded, _ = read_request(request)
    prepare_prefect("INFO")
    from flows.pipeline import pipeline

    name = f"triplesmith-{loaded.recipe.name}"
    sys.stdout.write(f"serving {name} into {request.out or 'outputs'}, cron {args.cron!r}; Ctrl-C ends it\n")
    sys.stdout.flush()
    pipeline.serve(
        name=name, cron=args.cron, parameters={"request": request.model_dump()}, print_starting_message=False
    )
    return 0
