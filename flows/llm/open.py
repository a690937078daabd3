"""Build the model that specs name, importing its library only then, and check that it can be asked."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flows.domain.records import Json
from flows.errors import UsageError
from flows.ids import rng
from flows.llm.policy import CallPolicy
from flows.llm.replay import Replay
from flows.llm.survey import Facts, survey_all
from flows.llm.types import LLM, unwrap

if TYPE_CHECKING:
    from flows.llm.memory import Memory

SPECS = "replay, replay:PATH, http://HOST:PORT/v1 or https://HOST/v1, serve:MODEL, vllm:MODEL, batch:URL, batch"


def default_spec(environment: Mapping[str, str]) -> str:
    """Give the spec of a call without `--llm`: what the OpenAI variables say, otherwise recorded replies."""
    if url := environment.get("OPENAI_BASE_URL"):
        return url
    return "https://api.openai.com/v1" if environment.get("OPENAI_API_KEY") else "replay"


def split_spec(text: str) -> list[str]:
    """Give the specs that a comma-separated list of endpoints names, or the one spec that it is."""
    return [spec.strip() for spec in text.split(",")] if text.startswith(("http:", "https:")) else [text]


def open_llm(
    specs: Sequence[str],
    *,
    model: str | None,
    policy: CallPolicy,
    api_key: str | None = None,
    record: Path | None = None,
    recordings: Path | None = None,
    memory: "Memory | None" = None,
    batches: Path | None = None,
    metered: Callable[[LLM], LLM] = lambda llm: llm,
    engine: Mapping[str, Json] | None = None,
    python: str | None = None,
) -> LLM:
    """Open one model for one event loop; nothing is sent yet.

    `specs` is one spec, or the addresses of several endpoints of the model, which share its load. `recordings` is the
    file or folder behind the spec `replay`; `record` a file to write every reply to; `memory` what earlier processes
    learnt of endpoints; `batches` the folder for batch files; `metered` wraps what is paid for by the request,
    recordings are free; `engine` and `python` are arguments and interpreter of a vLLM of our own. Raises UsageError for
    a spec that names nothing.
    """
    specs = tuple(dict.fromkeys(specs))
    if specs and all(spec.startswith(("http:", "https:")) for spec in specs):
        llm: LLM = _open_endpoints(specs, model, policy, api_key, memory, metered)
    elif len(specs) == 1 and re.match("(serve|vllm):.", specs[0]):
        from flows.llm.vllm.open import open_vllm

        llm = open_vllm(specs[0], model, policy, engine=engine or {}, python=python, metered=metered)
    elif len(specs) == 1 and specs[0].partition(":")[0] == "batch":
        from flows.llm.batch.open import open_batch

        llm = metered(open_batch(specs[0].partition(":")[2], model, policy, api_key, memory, batches))
    elif len(specs) == 1:
        llm = _open(specs[0], recordings)
    else:
        raise UsageError(f"only endpoints can share a model's load, not {', '.join(specs) or 'nothing'}: give {SPECS}.")
    if record is None:
        return llm
    from flows.llm.record import Recorder

    return Recorder(llm, record)


async def preflight(llm: LLM, *, probe: bool = False) -> tuple[Facts, ...]:
    """Check that the model can be asked and say what is known of it, endpoint by endpoint.

    Endpoints are surveyed (survey.py says how they fail), recordings are read.
    """
    client = unwrap(llm)
    if isinstance(client, Replay):
        return (Facts(f"{len(client.replies())} recorded replies", llm.model),)
    if (look := getattr(client, "survey", None)) is not None:
        return (await look(),)
    from flows.llm.openai_http import OpenAIHttp
    from flows.llm.resilient import Resilient

    if not isinstance(client, Resilient):
        return (Facts(type(client).__name__, llm.model),)
    findings = await survey_all(
        [inner for inner in map(unwrap, client.inners) if isinstance(inner, OpenAIHttp)], probe=probe
    )
    for inner, facts in zip(client.inners, findings, strict=True):
        if facts.absent:
            client.suspend(inner, facts.absent)
    return findings


def _open(spec: str, recordings: Path | None) -> LLM:
    kind, _, rest = spec.partition(":")
    if spec == "replay" and recordings is not None:
        return Replay([recordings])
    if kind == "replay" and rest:
        return Replay([Path(rest).expanduser()])
    if spec == "replay":
        raise UsageError("nothing is recorded for this recipe: give --llm replay:PATH, or an endpoint.")
    raise UsageError(f"unknown LLM {spec!r}: there are {SPECS}.")


def _open_endpoints(
    urls: Sequence[str],
    model: str | None,
    policy: CallPolicy,
    api_key: str | None,
    memory: "Memory | None",
    metered: Callable[[LLM], LLM],
) -> LLM:
    from flows.llm.endpoint import resolve
    from flows.llm.openai_http import OpenAIHttp
    from flows.llm.resilient import Resilient

    clients = [
        OpenAIHttp(
            resolve(url, api_key),
            model or "",
            concurrency=policy.concurrency,
            timeout=policy.timeout,
            memory=memory,
        )
        for url in urls
    ]
    return Resilient([metered(client) for client in clients], policy, rng=rng("backoff", os.getpid()))
