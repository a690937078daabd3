"""Build a run's request from parsed arguments."""

import argparse

from flows.stages.request import RunRequest


def run_request(args: argparse.Namespace) -> RunRequest:
    """Give the request that run, plan and serve share."""
    return RunRequest(
        recipe=args.recipe,
        out=args.out,
        rows=args.rows,
        seed=args.seed,
        llm=args.llm,
        model=args.model,
        changes=args.set,
        record=getattr(args, "record", None),
        publish=getattr(args, "publish", None),
        public=getattr(args, "public", False),
    )
