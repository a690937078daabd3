"""Build the model that a spec names, importing its library only then, and check that it can be asked."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from flows.errors import UsageError
from flows.ids import rng
from flows.llm.policy import CallPolicy
from flows.llm.replay import Replay
from flows.llm.survey import Facts, survey
from flows.llm.types import LLM

SPECS = "replay, replay:PATH, http://HOST:PORT/v1 or https://HOST/v1"


def default_spec(environment: Mapping[str, str]) -> str:
    """Give the spec of a call without `--llm`: what the OpenAI variables say, otherwise recorded replies."""
    if url := environment.get("OPENAI_BASE_URL"):
        return url
    return "https://api.openai.com/v1" if environment.get("OPENAI_API_KEY") else "replay"


def open_llm(
    spec: str,
    *,
    model: str | None,
    policy: CallPolicy,
    api_key: str | None = None,
    record: Path | None = None,
    recordings: Path | None = None,
    rung: str | None = None,
    metered: Callable[[LLM], LLM] = lambda llm: llm,
) -> LLM:
    """Open a model for one event loop; nothing is sent yet.

    `recordings` is the file or folder behind the spec `replay`; `record` a file to write every reply to; `rung` the
    rung of structured output that an earlier run found; `metered` wraps what is paid for by the request, recordings are
    free. Raises UsageError for a spec that names nothing.
    """
    llm = _open(spec, model, policy, api_key, recordings, rung, metered)
    if record is None:
        return llm
    from flows.llm.record import Recorder

    return Recorder(llm, record)


async def preflight(llm: LLM, *, probe: bool = False) -> Facts:
    """Check that the model can be asked; an endpoint is surveyed (survey.py says how it fails), recordings are read."""
    client = llm
    while (inner := getattr(client, "inner", None)) is not None:
        client = inner
    if isinstance(client, Replay):
        return Facts(f"{len(client.replies())} recorded replies", llm.model)
    from flows.llm.openai_http import OpenAIHttp

    if isinstance(client, OpenAIHttp):
        return await survey(client, probe=probe)
    return Facts(type(client).__name__, llm.model)


def _open(
    spec: str,
    model: str | None,
    policy: CallPolicy,
    api_key: str | None,
    recordings: Path | None,
    rung: str | None,
    metered: Callable[[LLM], LLM],
) -> LLM:
    kind, _, rest = spec.partition(":")
    if spec == "replay" and recordings is not None:
        return Replay([recordings])
    if kind == "replay" and rest:
        return Replay([Path(rest).expanduser()])
    if kind in ("http", "https"):
        from flows.llm.endpoint import resolve
        from flows.llm.ladder import Ladder
        from flows.llm.openai_http import OpenAIHttp
        from flows.llm.resilient import Resilient

        client = OpenAIHttp(
            resolve(spec, api_key),
            model or "",
            concurrency=policy.concurrency,
            timeout=policy.timeout,
            ladder=Ladder(rung),
        )
        return Resilient(metered(client), policy, rng=rng("backoff", os.getpid()))
    if spec == "replay":
        raise UsageError("nothing is recorded for this recipe: give --llm replay:PATH, or an endpoint.")
    raise UsageError(f"unknown LLM {spec!r}: there are {SPECS}.")
