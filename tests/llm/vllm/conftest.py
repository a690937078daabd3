"""A vLLM that is none, a package of that name in an "environment" of its own, and a real one with a tiny model."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.llm.vllm.keeper import GRACE
from flows.llm.vllm.open import PYTHON

ROOT = Path(__file__).parents[3]
FAKE = Path(__file__).parent / "fake"
SETTINGS = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_TARGET_DEVICE": "cpu",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "OMP_NUM_THREADS": "2",
    "PYTHONPATH": str(ROOT),
}
"""Environment of a real vLLM on a CPU."""


@pytest.fixture(autouse=True)
def logs_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def fake_python(tmp_path: Path) -> str:
    """An interpreter whose environment has the fake vLLM."""
    path = tmp_path / "python"
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{FAKE}" exec "{sys.executable}" "$@"\n')
    path.chmod(0o755)
    return str(path)


class Diary:
    """What the fake servers of a test left behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def lives(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_text().splitlines()] if self.path.exists() else []

    @property
    def survivors(self) -> list[int]:
        """Processes that are still there."""
        return [pid for life in self.lives for pid in (life["pid"], life["helper"]) if is_there(pid)]


@pytest.fixture
def diary(tmp_path: Path) -> Diary:
    return Diary(tmp_path / "diary.jsonl")


def is_there(pid: int) -> bool:
    """Whether a process lives; one that is dead and not yet fetched does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False
    except OSError:
        os.kill(pid, 0)
        return True


def until(true: Callable[[], Any], seconds: float = GRACE + 15) -> bool:
    """Wait for something that other processes bring about."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture(scope="session")
def python() -> str:
    return os.environ[PYTHON]


@pytest.fixture(scope="session")
def model(python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    subprocess.run([python, "-m", "tests.llm.vllm.tiny_model", folder], cwd=ROOT, check=True, capture_output=True)
    return folder
