import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from flows.store.jsonio import read_lines
from tests.servers.openai_server import Config, server_process

ROWS = 96
TWO = ("--set", "shards.processes=2", "--set", "shards.units=16")
ONE = ("--set", "shards.processes=1", "--set", "shards.units=16")
RECIPE = """
name = "many"
description = "one symmetric family"
rows = 96
[languages]
en = 0.5
de = 0.5
[families.sts]
share = 1.0
prompt = "e5/sts"
[llm]
concurrency = 9
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "many.toml"
    path.write_text(RECIPE)
    return path


def made(run):
    """Everything that must not depend on how many processes asked."""
    kept = [*(run / "generate").glob("*.jsonl"), *(run / "curate").glob("*.jsonl"), run / "ledger.json"]
    return {path.relative_to(run): path.read_bytes() for path in kept}


def sent(log):
    return list(read_lines(log))


def workers_of(process):
    """Processes started by a process, whatever they are."""
    listed = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(child) for child in listed if b"flows.stages.worker" in Path(f"/proc/{child}/cmdline").read_bytes()]


def test_two_processes_make_the_same_bytes_as_one_and_ask_no_more(cli, tmp_path, recipe):
    logs = {name: tmp_path / f"{name}.log" for name in ("one", "two")}
    for name, words in (("one", ONE), ("two", TWO)):
        with server_process(Config(rate_malformed=0.1, rate_refusal=0.03, rate_429=0.05, log=str(logs[name]))) as url:
            done = cli("run", recipe, "--llm", url, "--model", "m", "--out", tmp_path / name, *words)
        assert done.returncode == 0, done.stderr
    assert made(tmp_path / "one") == made(tmp_path / "two")
    answered = [{entry["body"] for entry in sent(log) if entry["outcome"] != "429"} for log in logs.values()]
    assert answered[0] == answered[1]
    assert len(sent(logs["two"])) == pytest.approx(len(sent(logs["one"])), abs=20)
    assert re.findall(r"after \d+ rows: [\d,]+ tokens a request; the run is projected at \d+ requests", done.stderr)


def test_a_refused_key_ends_all_processes_with_one_line(cli, tmp_path, recipe):
    with server_process(Config(api_key="good", expire_after=30, latency=0.02)) as url:
        done = cli("run", recipe, "--llm", url, "--model", "m", "--out", tmp_path / "run", *TWO, OPENAI_API_KEY="good")
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("triplesmith: ") and "Check OPENAI_API_KEY" in last


def test_a_budget_holds_over_all_processes(cli, tmp_path, recipe):
    log = tmp_path / "log"
    with server_process(Config(latency=0.02, log=str(log))) as url:
        words = ("run", recipe, "--llm", url, "--model", "m", "--out", tmp_path / "run", *TWO)
        done = cli(*words, "--max-requests", 40)
        assert done.returncode == 3, done.stderr
        assert len(sent(log)) <= 41
        assert cli(*words).returncode == 0
    assert len(sent(log)) <= ROWS + 12


def test_no_worker_outlives_a_killed_run(cli, tmp_path, recipe):
    log = tmp_path / "log"
    with server_process(Config(latency=0.3, log=str(log))) as url:
        words = ("run", recipe, "--llm", url, "--model", "m", "--out", tmp_path / "run", *TWO)
        process = cli.start(*words)
        deadline = time.monotonic() + 120
        while not (log.exists() and len(sent(log)) > 10) and time.monotonic() < deadline:
            time.sleep(0.05)
        workers = workers_of(process.pid)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert len(workers) == 2
        for worker in workers:
            assert subprocess.run(["tail", f"--pid={worker}", "-f", "/dev/null"], timeout=60).returncode == 0
        assert cli(*words).returncode == 0
    assert len(sent(log)) <= ROWS + 9 + 12


def test_recordings_are_read_by_one_process(cli, tmp_path):
    done = cli("run", "quickstart", "--rows", 24, "--out", tmp_path / "run", "--set", "shards.processes=2")
    assert done.returncode == 0, done.stderr
    assert "shards.processes = 2 is for http endpoints; replay has one" in done.stderr
