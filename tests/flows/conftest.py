import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
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


@dataclass(frozen=True)
class Cli:
    """Runs `triplesmith` in a process of its own, against the session's Prefect API."""

    environment: dict[str, str]

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
        """Run a command to its end."""
        process = self.start(*words, **environment)
        try:
            out, err = process.communicate(timeout=240)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return subprocess.CompletedProcess(words, process.returncode, out, err)


@pytest.fixture(scope="session")
def cli(prefect_api) -> Cli:
    kept = {name: value for name, value in os.environ.items() if name not in SECRETS}
    return Cli({**kept, "PREFECT_API_URL": prefect_api, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)})


FAULT_TABLE = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def fault_table(pytestconfig) -> list[str]:
    """Lines of the table of faults, printed at the end."""
    return pytestconfig.stash.setdefault(FAULT_TABLE, [])


def pytest_terminal_summary(terminalreporter, config) -> None:
    """Print the table of faults."""
    if lines := config.stash.get(FAULT_TABLE, []):
        terminalreporter.section("faults")
        for line in lines:
            terminalreporter.write_line(line)
