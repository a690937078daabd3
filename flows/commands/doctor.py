"""`triplesmith doctor`: check what a run needs, and say what to do about what is missing."""

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from flows import __version__
from flows.errors import TriplesmithError
from flows.llm.open import default_spec, open_llm, preflight, split_spec
from flows.llm.policy import CallPolicy
from flows.llm.survey import Facts

LEAST_FREE_GIB = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    good: bool
    subject: str
    words: str
    """What was found, and what to do where it is not good."""


def call(args: argparse.Namespace) -> int:
    """Print every finding; returns 1 when one is not good."""
    findings = list(_findings(args))
    for finding in findings:
        sys.stdout.write(f"{'ok  ' if finding.good else 'FAIL'}  {finding.subject:<11}{finding.words}\n")
    return 0 if all(finding.good for finding in findings) else 1


def _findings(args: argparse.Namespace) -> Iterator[Finding]:
    yield _python()
    yield _disk()
    yield from _model(args)
    yield _prefect()
    yield _hub()


def _python() -> Finding:
    packages = ["prefect", "openai", "datasets", "huggingface-hub"]
    found = [f"triplesmith {__version__}", *(f"{name} {_version(name)}" for name in packages)]
    return Finding("missing" not in " ".join(found), "packages", ", ".join(found))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing (pip install triplesmith)"


def _disk() -> Finding:
    folder = Path("outputs") if Path("outputs").is_dir() else Path()
    free = shutil.disk_usage(folder).free / 2**30
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Finding(False, "disk", f"{folder.resolve()} cannot be written ({error.strerror}); choose another --out")
    words = f"{free:.0f} GiB free at {folder.resolve()}"
    return Finding(free >= LEAST_FREE_GIB, "disk", words if free >= LEAST_FREE_GIB else f"{words}; make room")


def _model(args: argparse.Namespace) -> list[Finding]:
    spec = args.llm or default_spec(os.environ)
    if spec == "replay":
        return [Finding(True, "model", "none: runs replay recordings; give --llm URL, or set OPENAI_BASE_URL")]
    try:
        return [_known(facts) for facts in asyncio.run(_ask_model(split_spec(spec), args.model))]
    except TriplesmithError as error:
        return [Finding(False, "model", str(error))]


async def _ask_model(specs: Sequence[str], model: str | None) -> tuple[Facts, ...]:
    client = open_llm(specs, model=model, policy=CallPolicy(concurrency=1, timeout=60, max_stall=60))
    try:
        return await preflight(client, probe=True)
    finally:
        await client.aclose()


def _known(facts: Facts) -> Finding:
    """Say what is known of one endpoint."""
    if facts.absent:
        return Finding(False, "model", facts.absent)
    parts = [f"{facts.where} {'answers as' if facts.started else 'is there, to be started with'} {facts.model}"]
    if facts.rung:
        held = "" if facts.held is not False else ", but the answer did not keep to its schema"
        parts.append(f"structured output: {facts.rung}{held}")
    if facts.context:
        parts.append(f"context of {facts.context} tokens")
    if facts.adapted:
        parts.append(f"does not take {', '.join(facts.adapted)}")
    return Finding(True, "model", "; ".join(parts))


def _prefect() -> Finding:
    url = os.environ.get("PREFECT_API_URL")
    if not url:
        return Finding(True, "prefect", "embedded server; set PREFECT_API_URL to report to a real one")
    from urllib.error import URLError
    from urllib.request import urlopen

    try:
        with urlopen(f"{url.rstrip('/')}/health", timeout=5):
            return Finding(True, "prefect", f"{url} answers")
    except (URLError, OSError, ValueError) as error:
        return Finding(False, "prefect", f"{url} does not answer ({error}); start it or unset PREFECT_API_URL")


def _hub() -> Finding:
    from huggingface_hub import get_token

    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    if not get_token():
        return Finding(True, "hub", "no token: nothing can be uploaded; set HF_TOKEN for --publish")
    return Finding(True, "hub", f"a token is set for {endpoint}")
