"""Open a vLLM of our own by the spec that names it; nothing is imported or started before the first request."""

import os
from collections.abc import Callable, Mapping

from flows.domain.records import Json
from flows.errors import UsageError
from flows.ids import rng
from flows.llm.policy import CallPolicy
from flows.llm.types import LLM
from flows.llm.vllm.log import new_log
from flows.llm.vllm.setup import Setup
from flows.llm.vllm.supervised import Life, Supervised

PYTHON = "TRIPLESMITH_VLLM_PYTHON"
"""Environment variable for the interpreter that `serve:` starts, where the recipe names none: paths are a machine's."""


def open_vllm(
    spec: str,
    alias: str | None,
    policy: CallPolicy,
    *,
    engine: Mapping[str, Json],
    python: str | None,
    metered: Callable[[LLM], LLM],
) -> Supervised:
    """Open `serve:MODEL` or `vllm:MODEL`, called `alias` if given; raises UsageError for what cannot be meant."""
    kind, _, model = spec.partition(":")
    if kind == "vllm" and python is not None:
        raise UsageError("llm.python is for serve:MODEL; vllm:MODEL runs in the environment of triplesmith itself.")
    python = python or (os.environ.get(PYTHON) if kind == "serve" else None)
    setup = Setup(model, alias, engine, python)
    log = new_log()
    dice = rng("backoff", os.getpid())

    async def start() -> Life:
        if kind == "serve":
            from flows.llm.vllm.served import start_server

            return await start_server(setup, policy, dice, log, metered)
        from flows.llm.vllm.engine import start_engine

        return await start_engine(setup, policy, dice, log, metered)

    return Supervised(start, setup.look, model=setup.name, enough=2 * policy.concurrency, log=log)
