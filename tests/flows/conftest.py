import json
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE = 240
"""Seconds after which a command counts as hanging."""
SECRETS = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HF_TOKEN", "HF_ENDPOINT")


@pytest.fixture(scope="session")
def prefect_api() -> Iterator[str]:
    """URL of a real Prefect API with a database of its own."""
    from flows.commands.environment import prepare_prefect

    prepare_prefect()
    from prefect.settings import PREFECT_API_URL
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=180):
        yield PREFECT_API_URL.value()


class Worker:
    """Runs commands in one long-lived process, so that many runs pay for one start of Prefect."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.flows.worker"],
            cwd=ROOT,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __call__(self, *words: object) -> subprocess.CompletedProcess:
        """Run a command to its end."""
        assert self.process.stdin and self.process.stdout
        guard = threading.Timer(PATIENCE, self.process.kill)
        guard.start()
        self.process.stdin.write(json.dumps([*map(str, words)]) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        guard.cancel()
        assert line, f"{words} did not end within {PATIENCE} s"
        done = json.loads(line)
        return subprocess.CompletedProcess(words, done["code"], done["out"], done["err"])

    def end(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()


@dataclass(frozen=True)
class Cli:
    """Runs `triplesmith` against the session's Prefect API: in a long-lived process, or one of its own."""

    environment: dict[str, str]
    worker: Worker

    def start(self, *words: object, full_at: int | None = None, **environment: str) -> subprocess.Popen:
        """Start a command in a folder of the repository's root; for it, the disk is full at so many bytes a file."""
        command = [sys.executable, "-m", "flows", *map(str, words)]
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env={**self.environment, **environment},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=full_at and (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (full_at, full_at))),
        )

    def __call__(self, *words: object, **environment: str) -> subprocess.CompletedProcess:
        """Run a command to its end, in a process of its own if the environment is to differ."""
        if not environment:
            return self.worker(*words)
        process = self.start(*words, **environment)
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return subprocess.CompletedProcess(words, process.returncode, out, err)


@pytest.fixture(scope="session")
def cli(prefect_api) -> Iterator[Cli]:
    kept = {name: value for name, value in os.environ.items() if name not in SECRETS}
    environment = {**kept, "PREFECT_API_URL": prefect_api, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    worker = Worker(environment)
    yield Cli(environment, worker)
    worker.end()


FAULT_TABLE = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def fault_table(pytestconfig) -> list[str]:
    """Lines of the table of faults, printed at the end."""
    return pytestconfig.stash.setdefault(FAULT_TABLE, [])


def pytest_sessionfinish(session) -> None:
    """Hand the table over to the process that prints it, where tests run in several."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["faults"] = session.config.stash.get(FAULT_TABLE, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node) -> None:
    """Take the table of a process that is done."""
    node.config.stash.setdefault(FAULT_TABLE, []).extend(getattr(node, "workeroutput", {}).get("faults", []))


def pytest_terminal_summary(terminalreporter, config) -> None:
    """Print the table of faults."""
    if lines := config.stash.get(FAULT_TABLE, []):
        terminalreporter.section("faults")
        for line in lines:
            terminalreporter.write_line(line)
