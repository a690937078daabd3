"""Both ways with a real vLLM: its CPU build and a model of random weights, in an environment that `.ci/vllm` makes."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from flows.llm.vllm.open import PYTHON
from flows.store.jsonio import read_lines
from tests.llm.vllm.conftest import ROOT, SETTINGS, is_there, until

RECIPE = Path(__file__).parent / "noise" / "noise.toml"
pytestmark = pytest.mark.skipif(PYTHON not in os.environ, reason=f"{PYTHON} names no environment with vLLM (.ci/vllm)")


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory):
    """Start `triplesmith` in an interpreter's environment."""
    home = tmp_path_factory.mktemp("prefect")

    def run(python: str, *words: object) -> "subprocess.Popen[str]":
        environment = {**os.environ, **SETTINGS, "PREFECT_HOME": str(home)}
        command = [python, "-m", "flows", *map(str, words)]
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    return run


def end(process: "subprocess.Popen[str]", seconds: float = 420) -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, out, err


def processes(word: str) -> dict[int, list[str]]:
    """Processes whose command line has the word, by pid."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:
            continue
        if any(word in part for part in command):
            found[int(path.parent.name)] = command
    return found


def group(leader: int) -> list[int]:
    """Processes of a process group."""
    members = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, pgrp = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(pgrp) == leader and state not in "ZX":
            members.append(int(path.parent.name))
    return members


def children(parent: int) -> set[int]:
    """Processes that a process started."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(path.read_text().rpartition(")")[2].split()[1]) == parent:
                found.add(int(path.parent.name))
    return found


def engines(run: int) -> list[int]:
    """vLLM's engines inside a run."""
    return [pid for pid in children(run) if pid in processes("EngineCore")]


def servers(model: Path) -> list[int]:
    return [pid for pid, command in processes(str(model)).items() if "--port" in command and "-I" not in command]


def replies(run: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in run.glob("calls/generate/shard-*"))


def until_under_way(process: "subprocess.Popen[str]", run: Path) -> None:
    assert until(lambda: replies(run) > 20 or process.poll() is not None, 300), "no reply for five minutes"
    assert process.poll() is None, end(process)


def check(run: Path, rows: int) -> None:
    """Every row is there once, valid by the schema, and came from the tiny model."""
    accepted = [row for path in sorted(run.glob("curate/shard-*")) for row in read_lines(path)]
    assert len(accepted) == len({row["id"] for row in accepted}) == rows
    assert {row["generator"]["model"] for row in accepted} == {"tiny"}
    assert all(len(row["query"]) <= 60 for row in accepted)
    calls = [line["value"] for path in run.glob("calls/generate/shard-*") for line in read_lines(path)]
    assert {call["rung"] for call in calls if "text" in call} == {"json_schema"}


def test_a_served_run_outlives_its_servers_death(python: str, model: Path, tmp_path: Path, start):
    run = tmp_path / "run"
    words = ("--llm", f"serve:{model}", "--rows", 300, "--set", f"llm.python={python}", "--out", run)
    process = start(sys.executable, "run", RECIPE, *words)
    until_under_way(process, run)
    (first,) = servers(model)
    assert len(group(first)) > 1, "vLLM's engine has a process of its own"
    os.kill(first, signal.SIGKILL)
    assert until(lambda: not group(first)), "the engine of the dead server is ended too"
    code, out, err = end(process)
    assert code == 0, err
    assert "300 of 300 rows accepted" in out
    assert "restarting vLLM" in err
    check(run, 300)
    assert processes(str(model)) == {}


def test_a_run_in_process_outlives_its_engines_death(python: str, model: Path, tmp_path: Path, start):
    run = tmp_path / "run"
    words = ("--llm", f"vllm:{model}", "--rows", 300, "--set", "shards.units=50", "--out", run)
    process = start(python, "run", RECIPE, *words)
    until_under_way(process, run)
    (engine,) = engines(process.pid)  # one for all shards
    os.kill(engine, signal.SIGKILL)
    code, out, err = end(process)
    assert code == 0, err
    assert "300 of 300 rows accepted" in out
    assert "restarting vLLM" in err
    assert "Traceback" not in err
    check(run, 300)


def test_a_killed_run_leaves_no_engine(python: str, model: Path, tmp_path: Path, start):
    run = tmp_path / "run"
    process = start(python, "run", RECIPE, "--llm", f"vllm:{model}", "--rows", 2000, "--out", run)
    until_under_way(process, run)
    (engine,) = engines(process.pid)
    family = {engine, *children(engine)}
    process.kill()
    end(process)
    assert until(lambda: not any(map(is_there, family)))


@pytest.mark.parametrize("kind", ["serve", "vllm"])
def test_a_wrong_engine_argument_is_one_line(python: str, model: Path, tmp_path: Path, start, kind: str):
    words = ["--llm", f"{kind}:{model}", "--set", "llm.engine.tensor_paralel_size=2", "--out", tmp_path / "run"]
    where = sys.executable if kind == "serve" else python
    words += ["--set", f"llm.python={python}"] if kind == "serve" else []
    code, _, err = end(start(where, "run", RECIPE, *words))
    assert code == 1
    last = err.strip().splitlines()[-1]
    assert last.startswith("triplesmith: vLLM did not start:")
    assert "unrecognized arguments: --tensor-paralel-size" in last
    assert "Traceback" not in err
    assert processes(str(model)) == {}


def test_doctor_says_which_vllm_would_run(python: str, model: Path, start):
    code, out, _ = end(start(python, "doctor", "--llm", f"vllm:{model}"))
    assert code == 0
    assert "vLLM 0.32.0" in out and "to be started with tiny" in out
    _, served, _ = end(start(sys.executable, "doctor", "--llm", f"serve:{model}"))
    assert f"vLLM 0.32.0+cpu of {python} is there" in served
