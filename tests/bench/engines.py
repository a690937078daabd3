"""How much of vLLM's own speed is left when triplesmith asks it: `LLM.chat` on one batch against `vllm:` and `serve:`.

    PYTHON -m tests.bench.engines [--rows N]

PYTHON is of an environment with vLLM and triplesmith, as `.ci/vllm` makes it. The model is tiny and random: what is
seen is the way to the engine, whose cost vanishes beside a real model. Each way has a process of its own.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ENGINE = {
    "max_model_len": 1024,
    "enforce_eager": True,
    "structured_outputs_config": {"backend": "xgrammar", "disable_any_whitespace": True},
}
SCHEMA = {
    "type": "object",
    "properties": {"text": {"type": "string", "maxLength": 60}, "mood": {"type": "string", "enum": ["merry", "grim"]}},
    "required": ["text", "mood"],
    "additionalProperties": False,
}
TOKENS = 300


def questions(rows: int) -> list[str]:
    return [f"Write a text and its mood, number {number}." for number in range(rows)]


def bare(model: str, rows: int) -> dict[str, float]:
    """vLLM's own way for many prompts: all at once, in one call."""
    from vllm import LLM, SamplingParams
    from vllm.sampling_params import StructuredOutputsParams

    started = time.monotonic()
    llm = LLM(model, **ENGINE)
    params = SamplingParams(max_tokens=TOKENS, structured_outputs=StructuredOutputsParams(json=SCHEMA))
    llm.chat([{"role": "user", "content": "Hello"}], params, use_tqdm=False)
    ready = time.monotonic()
    llm.chat([[{"role": "user", "content": words}] for words in questions(rows)], params, use_tqdm=False)
    return {"start": ready - started, "rate": rows / (time.monotonic() - ready)}


async def ours(spec: str, rows: int) -> dict[str, float]:
    from flows.llm.open import open_llm
    from flows.llm.policy import CallPolicy
    from flows.llm.types import ChatRequest, Message

    started = time.monotonic()
    llm = open_llm([spec], model=None, policy=CallPolicy(concurrency=256, adaptive=False), engine=ENGINE)
    try:
        await llm.complete(ChatRequest((Message("user", "Hello"),), schema=SCHEMA, max_tokens=TOKENS))
        ready = time.monotonic()
        asked = [ChatRequest((Message("user", words),), schema=SCHEMA, max_tokens=TOKENS) for words in questions(rows)]
        await asyncio.gather(*map(llm.complete, asked))
        return {"start": ready - started, "rate": rows / (time.monotonic() - ready)}
    finally:
        await llm.aclose()


def measured(kind: str, model: str, rows: int) -> dict[str, float]:
    """Measure in a fresh process."""
    command = [sys.executable, "-m", "tests.bench.engines", "--rows", str(rows), "--one", kind, "--model", model]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--one", choices=["bare", "vllm", "serve"])
    parser.add_argument("--model")
    given = parser.parse_args()
    if given.one:
        one = bare(given.model, given.rows) if given.one == "bare" else None
        sys.stdout.write(json.dumps(one or asyncio.run(ours(f"{given.one}:{given.model}", given.rows))) + "\n")
        return
    from tests.llm.vllm.tiny_model import build

    with tempfile.TemporaryDirectory() as folder:
        model = str(build(Path(folder) / "tiny"))
        found = {kind: measured(kind, model, given.rows) for kind in ("bare", "vllm", "serve")}
    for kind, name in (("bare", "LLM.chat, one batch"), ("vllm", "vllm:MODEL"), ("serve", "serve:MODEL")):
        rate, start = found[kind]["rate"], found[kind]["start"]
        sys.stdout.write(f"{name:<22}{rate:7.1f} answers/s {rate / found['bare']['rate']:6.2f} of bare")
        sys.stdout.write(f"{start:8.0f} s to the first\n")


if __name__ == "__main__":
    main()
