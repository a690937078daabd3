"""Build a run's request from parsed arguments."""

import argparse

from flows.stages.request import RunRequest


def run_request(args: argparse.Namespace) -> RunRequest:
    """Give the request that run, plan and serve share."""
    budget = {name: getattr(args, name) for name in ("max_requests", "max_tokens", "max_cost")}
    return RunRequest(
        recipe=args.recipe,
        out=args.out,
        rows=args.rows,
        seed=args.seed,
        llm=args.llm,
        model=args.model,
        changes=[*args.set, *(f"limits.{name}={most}" for name, most in budget.items() if most is not None)],
        record=getattr(args, "record", None),
        benchmarks=args.benchmark,
        index=getattr(args, "index", None),
        publish=getattr(args, "publish", None),
        public=getattr(args, "public", False),
        append=getattr(args, "append", False),
    )
