"""Batch files under a real `vllm run-batch`, in the environment that TRIPLESMITH_VLLM_PYTHON names."""

import asyncio
import json
import os
import subprocess
from pathlib import Path

import pytest

from flows.errors import StoppedError
from flows.llm.batch.client import OpenAIBatch
from flows.llm.open import open_llm
from flows.llm.policy import CallPolicy
from flows.llm.types import ChatRequest, Message
from flows.llm.vllm.open import PYTHON
from tests.llm.vllm.conftest import ROOT, SETTINGS

SCHEMA = {
    "type": "object",
    "properties": {"colour": {"type": "string", "enum": ["red", "green"]}},
    "required": ["colour"],
    "additionalProperties": False,
}
FORMAT = '{"backend":"xgrammar","disable_any_whitespace":true}'
pytestmark = pytest.mark.skipif(PYTHON not in os.environ, reason=f"{PYTHON} names no environment with vLLM (.ci/vllm)")


def run(python: str, *words: object) -> None:
    done = subprocess.run(
        [python, "-m", *map(str, words)],
        cwd=ROOT,
        env={**os.environ, **SETTINGS},
        text=True,
        capture_output=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr[-3000:]


async def ask(state: Path, requests: list[ChatRequest]) -> list[object]:
    llm = open_llm(["batch"], model="tiny", policy=CallPolicy(), batches=state)
    assert isinstance(llm, OpenAIBatch)
    try:
        return await asyncio.gather(*map(llm.complete, requests), return_exceptions=True)
    finally:
        await llm.aclose()


def test_vllm_runs_our_files_and_its_output_is_taken_up(python: str, model: Path, tmp_path: Path):
    requests = [
        ChatRequest((Message("user", f"Question {n}"),), schema=SCHEMA, max_tokens=64, key=f"u{n}.0") for n in range(8)
    ]
    too_long = ChatRequest((Message("user", "word " * 3000),), schema=SCHEMA, max_tokens=64, key="u8.0")
    stopped = asyncio.run(ask(tmp_path / "batches", [*requests, too_long]))
    assert {type(answer) for answer in stopped} == {StoppedError}
    [path] = (tmp_path / "batches").rglob("*.input.jsonl")
    output = path.with_name(path.name.replace(".input.", ".output."))
    served = ("--model", model, "--served-model-name", "tiny", "--max-model-len", 2048)
    flags = ("--enforce-eager", "--structured-outputs-config", FORMAT)
    run(python, "vllm.entrypoints.cli.main", "run-batch", "-i", path, "-o", output, *served, *flags)
    answers = asyncio.run(ask(tmp_path / "batches", [*requests, too_long]))
    assert {json.loads(answer.text)["colour"] for answer in answers[:-1]} <= {"red", "green"}
    assert {answer.rung for answer in answers[:-1]} == {"json_schema"}
    assert {answer.model for answer in answers[:-1]} == {"tiny"}
    assert answers[-1].reason == "context_length"
    assert len([*(tmp_path / "batches").rglob("*.input.jsonl")]) == 1
