"""Runs through the Batch API, from the command line, against a real server."""

import time
from collections import Counter
from pathlib import Path

import orjson
import pytest

from flows.store.jsonio import read_lines
from tests.flows.test_run import accepted, ledger, published
from tests.servers.batch_server import BatchConfig, serving_batches
from tests.servers.openai_server import Config, completion, server_process

WORDS = ("run", "e5", "--rows", 60, "--model", "m")


def paid(log: Path) -> Counter[str]:
    return Counter(entry["paid"] for entry in read_lines(log) if "paid" in entry)


def wait_for(log: Path, kind: str, process) -> None:
    """Wait until the server has written something down, or the process has ended."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if log.exists() and any(kind in entry for entry in read_lines(log)):
            return
        time.sleep(0.02)


@pytest.fixture(scope="module")
def served(cli, tmp_path_factory):
    """A server whose batches are half expired, have failed lines and bad replies; its log, a run, what that said."""
    folder = tmp_path_factory.mktemp("served")
    log = folder / "log.jsonl"
    rates = {"rate_500": 0.03, "rate_429": 0.03, "rate_malformed": 0.05}
    config = BatchConfig(log=str(log), seed=1, polls=4, fates="completed,expired:0.5", **rates)
    with server_process(config, serving_batches) as url:
        done = cli(*WORDS, "--llm", f"batch:{url}", "--out", folder / "whole")
        assert done.returncode == 0, done.stderr
        yield url, log, folder / "whole", done


def test_a_run_through_batches_gives_every_row_and_pays_once(cli, served):
    url, log, run, done = served
    assert "60 of 60 rows accepted" in done.stdout
    assert "batch batch_0 completed 4/4 answered" in done.stderr
    assert "batch batch_1 expired" in done.stderr
    assert all(tally.balanced for tally in ledger(run).values())
    assert set(paid(log).values()) == {1}
    size = log.stat().st_size
    again = cli(*WORDS, "--llm", f"batch:{url}", "--out", run)
    assert again.returncode == 0, again.stderr
    assert log.stat().st_size == size


def test_it_makes_the_same_rows_as_live_requests(cli, served, tmp_path):
    with server_process(Config(seed=1, rate_malformed=0.05)) as url:
        live = cli(*WORDS, "--llm", url, "--out", tmp_path / "live")
    assert live.returncode == 0, live.stderr
    assert published(tmp_path / "live") == published(served[2])


def test_killed_while_it_polls_it_pays_nothing_twice_and_ends_the_same(cli, served, tmp_path):
    url, log, whole, _ = served
    expected = paid(log)
    words = (*WORDS, "--llm", f"batch:{url}", "--out", tmp_path / "killed")
    log.write_bytes(b"")
    for kind in ("created", "paid"):  # once before the first answer, once after it
        process = cli.start(*words)
        wait_for(log, kind, process)
        assert process.poll() is None
        process.kill()
        process.communicate()
    last = cli(*words)
    assert last.returncode == 0, last.stderr
    assert published(tmp_path / "killed") == published(whole)
    assert paid(log) == expected


def run_by_hand(folder: Path) -> int:
    """Answer the batch files of a folder beside them, as `vllm run-batch` does; returns how many there were."""
    inputs = [path for path in folder.rglob("*.input.jsonl") if not _output(path).exists()]
    for path in inputs:
        lines = []
        for line in read_lines(path):
            body = completion(line["body"], "ok", None, 0)
            response = {"status_code": 200, "request_id": "vllm-batch-1", "body": body}
            lines.append({"id": "vllm-1", "custom_id": line["custom_id"], "response": response, "error": None})
        _output(path).write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    return len(inputs)


def _output(path: Path) -> Path:
    return path.with_name(path.name.replace(".input.", ".output."))


def test_files_that_are_run_by_hand_make_the_same_rows(cli, tmp_path):
    for _ in range(5):
        done = cli(*WORDS, "--llm", "batch", "--out", tmp_path / "hand")
        if done.returncode == 0:
            break
        assert done.returncode == 3, done.stderr
        assert "vllm run-batch -i" in done.stderr.splitlines()[-1]
        assert run_by_hand(tmp_path / "hand" / "calls" / "batches")
    assert "60 of 60 rows accepted" in done.stdout
    with server_process(Config()) as url:  # the live server goes on with a run of batches, and finds nothing to do
        live = cli(*WORDS, "--llm", url, "--out", tmp_path / "hand")
        assert live.returncode == 0, live.stderr
    assert len(accepted(tmp_path / "hand")) == 60


@pytest.mark.parametrize(
    ("config", "words", "code", "complaint"),
    [
        ({"fates": "failed:mismatched_model"}, (), 1, "was refused: this batch fails: mismatched_model"),
        ({"fates": "cancelled:0"}, (), 3, "is cancelled without one answer"),
        ({"models": "m,n"}, ("--model", ""), 2, "Give --model NAME"),
        ({"api_key": "good"}, (), 1, "key"),
    ],
    ids=["refused file", "cancelled", "no model", "no key"],
)
def test_what_ends_a_run_is_told_in_one_line(cli, tmp_path, config, words, code, complaint):
    with server_process(BatchConfig(**config), serving_batches) as url:
        done = cli(*WORDS, *words, "--llm", f"batch:{url}", "--out", tmp_path / "t")
    assert done.returncode == code, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("triplesmith: ")
    assert complaint in last
    assert "Traceback" not in done.stderr


def test_doctor_looks_at_a_batch_api(cli):
    with server_process(BatchConfig(), serving_batches) as url:
        done = cli("doctor", "--llm", f"batch:{url}")
        assert f"ok    model      the Batch API of {url} answers as m" in done.stdout
    with server_process(Config()) as url:
        done = cli("doctor", "--llm", f"batch:{url}")
        assert done.returncode == 1
        assert "/files and /batches" in done.stdout
