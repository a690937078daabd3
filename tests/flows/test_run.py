import json
import random
import re
import time
from collections import Counter
from pathlib import Path

import pytest
from datasets import load_dataset

from flows.domain.ledger import StageTally
from flows.domain.records import Row
from flows.stages.plan import read_rounds
from flows.store.jsonio import read_lines
from flows.store.layout import Layout
from tests.servers.openai_server import Config, server_process

FAULTY = Config(latency=0.02, rate_429=0.05, rate_500=0.02, rate_malformed=0.03)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    log = tmp_path_factory.mktemp("server") / "requests.jsonl"
    with server_process(Config(**{**FAULTY.__dict__, "log": str(log)})) as url:
        yield url, log


def ledger(run: Path) -> dict[str, StageTally]:
    stages = json.loads((run / "ledger.json").read_text())["stages"]
    return {s["name"]: StageTally(s["name"], s["in"], s["created"], s["out"], s["dropped"]) for s in stages}


def accepted(run: Path) -> list[Row]:
    return [Row.from_json(data) for path in sorted(run.glob("curate/shard-*")) for data in read_lines(path)]


def published(run: Path) -> dict[str, bytes]:
    folder = run / "publish"
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_main_job_needs_no_network(cli, tmp_path):
    run = tmp_path / "quickstart"
    done = cli("run", "--out", run)
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr
    assert "recorded replies" in done.stdout
    rows = accepted(run)
    assert len(rows) >= 150
    assert len({row.family for row in rows}) == 6
    assert len({row.query_language for row in rows}) >= 8
    assert all(row.generator.recorded and row.generator.wording for row in rows)
    assert all(tally.balanced for tally in ledger(run).values())
    assert [*ledger(run)] == ["brainstorm", "generate", "curate", "publish"]
    for config in ("full", "triplet", "pair", "pair-score"):
        loaded = load_dataset(str(run / "publish"), config, cache_dir=tmp_path / "cache")
        assert loaded["train"].num_rows > loaded["validation"].num_rows > 0
    full = load_dataset(str(run / "publish"), "full", cache_dir=tmp_path / "cache")
    assert not {*full["train"]["task"]} & {*full["validation"]["task"]}


def test_an_endpoint_with_faults_gives_every_row(cli, endpoint, tmp_path):
    url, _ = endpoint
    done = cli("run", "e5", "--llm", url, "--model", "m", "--rows", 200, "--out", tmp_path / "t")
    assert done.returncode == 0, done.stderr
    assert "200 of 200 rows accepted" in done.stdout
    rows = accepted(tmp_path / "t")
    assert len(rows) == 200
    assert {row.generator.rung for row in rows} == {"json_schema"}
    assert all(tally.balanced for tally in ledger(tmp_path / "t").values())
    families = Counter(row.family for row in rows)
    assert abs(families["short_long"] - 200 * 0.3294) < 1
    assert abs(sum(row.query_language == "en" for row in rows if row.family == "sts") - families["sts"] * 0.431) < 1


def test_killed_again_and_again_it_ends_the_same_and_pays_once(cli, endpoint, tmp_path):
    url, log = endpoint
    words = ("run", "e5", "--llm", url, "--model", "m", "--rows", 150, "--set", "llm.concurrency=8")
    assert cli(*words, "--out", tmp_path / "whole").returncode == 0
    log.write_bytes(b"")
    chance = random.Random(5)
    kills = 0
    for _ in range(3):
        process = cli.start(*words, "--out", tmp_path / "killed")
        before = log.stat().st_size
        deadline = time.monotonic() + 60
        while log.stat().st_size == before and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(chance.uniform(0, 0.25))
        kills += process.poll() is None
        process.kill()
        process.communicate()
    assert kills
    last = cli(*words, "--out", tmp_path / "killed")
    assert last.returncode == 0, last.stderr
    assert published(tmp_path / "killed") == published(tmp_path / "whole")
    answered = Counter(line["body"] for line in read_lines(log) if line["outcome"] not in ("429", "500"))
    assert answered.total() - len(answered) <= 8 * kills


def test_killed_while_the_rest_of_a_big_run_is_planned_it_ends_the_same_and_pays_once(cli, endpoint, tmp_path):
    url, log = endpoint
    rows = 1100
    words = ("run", "e5", "--llm", url, "--model", "m", "--rows", rows)
    whole = cli(*words, "--out", tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    assert len(read_rounds(Layout(tmp_path / "whole"), "generate")) > 3  # three of them for the first asking
    assert re.search(r"generate \(top-up (\d+)\)", whole.stderr).group(1) == "1"
    log.write_bytes(b"")
    process = cli.start(*words, "--out", tmp_path / "killed")
    planned = Layout(tmp_path / "killed").round("generate", 1)
    deadline = time.monotonic() + 60
    while not planned.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    for later in planned.parent.glob("round-*.json"):
        if later.name >= planned.name:
            later.unlink()  # as if it had not come so far; some of its units may have been asked
    last = cli(*words, "--out", tmp_path / "killed")
    assert f"{rows} of {rows} rows accepted" in last.stdout, last.stderr
    assert published(tmp_path / "killed") == published(tmp_path / "whole")
    answered = Counter(line["body"] for line in read_lines(log) if line["outcome"] not in ("429", "500"))
    assert answered.total() - len(answered) <= 64


def test_the_same_seed_gives_the_same_data_and_another_seed_other_data(cli, endpoint, tmp_path):
    url, _ = endpoint
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        done = cli("run", "e5", "--llm", url, "--model", "m", "--rows", 40, "--seed", seed, "--out", tmp_path / name)
        assert done.returncode == 0, done.stderr
    assert published(tmp_path / "a") == published(tmp_path / "b") != published(tmp_path / "c")


def test_a_finished_run_is_left_as_it_is_and_can_grow(cli, endpoint, tmp_path):
    url, log = endpoint
    words = ("run", "e5", "--llm", url, "--model", "m", "--out", tmp_path / "t")
    assert cli(*words, "--rows", 30).returncode == 0
    before, size = published(tmp_path / "t"), log.stat().st_size
    assert cli(*words, "--rows", 30).returncode == 0
    assert (published(tmp_path / "t"), log.stat().st_size) == (before, size)
    grown = cli(*words, "--rows", 50)
    assert "50 of 50 rows accepted" in grown.stdout, grown.stderr
    shrunk = cli(*words, "--rows", 20)
    assert shrunk.returncode == 2
    assert "was made for 50 rows, not 20" in shrunk.stderr


def test_a_recording_answers_for_the_model(cli, endpoint, tmp_path):
    url, log = endpoint
    recording = tmp_path / "replies.jsonl"
    words = ("run", "e5", "--rows", 25)
    live = cli(*words, "--llm", url, "--model", "m", "--record", recording, "--out", tmp_path / "live")
    assert live.returncode == 0, live.stderr
    size = log.stat().st_size
    replayed = cli(*words, "--llm", f"replay:{recording}", "--out", tmp_path / "replayed")
    assert replayed.returncode == 0, replayed.stderr
    assert log.stat().st_size == size
    assert [row.query for row in accepted(tmp_path / "replayed")] == [row.query for row in accepted(tmp_path / "live")]
    assert {row.generator.recorded for row in accepted(tmp_path / "replayed")} == {True}


def test_the_cap_on_requests_stops_a_run_that_can_go_on(cli, tmp_path):
    with server_process(Config(rate_refusal=0.6)) as url:
        words = ("run", "e5", "--llm", url, "--model", "m", "--rows", 40, "--out", tmp_path / "t")
        stopped = cli(*words, "--set", "limits.requests_per_row=1.2")
        assert stopped.returncode == 3
        assert "the cap of 1.2 requests per row stopped the run" in stopped.stderr
        assert 0 < len(accepted(tmp_path / "t")) < 40
        assert all(tally.balanced for tally in ledger(tmp_path / "t").values())
        assert cli(*words, "--set", "limits.requests_per_row=30").returncode == 0
        assert len(accepted(tmp_path / "t")) == 40


def test_a_draw_that_the_model_cannot_serve_does_not_cost_the_row(cli, tmp_path):
    with server_process(Config(refuse="Language: French")) as url:
        words = ("--set", "languages={en=0.5, fr=0.1, de=0.4}", "--set", "limits.requests_per_row=4")
        done = cli("run", "e5", "--llm", url, "--model", "m", "--rows", 40, *words, "--out", tmp_path / "t")
    assert done.returncode == 0, done.stderr
    rows = accepted(tmp_path / "t")
    assert len(rows) == 40
    assert "fr" not in {row.query_language for row in rows if row.family != "bitext"}
    assert max(row.attempt for row in rows) >= 4


def test_a_family_is_added_by_files_alone(cli, endpoint, tmp_path):
    url, _ = endpoint
    prompt = """+++
family = "riddles"
version = 1
inputs = ["sample", "attempt"]
languages = ["language"]
[record]
task = "Answer a riddle"
query = "riddle"
positives = ["answer"]
negatives = ["wrong_answer"]
[reply]
riddle = "a riddle"
answer = "its answer"
wrong_answer = "an answer that does not fit"
[axes.mood]
values = [{ value = "merry" }, { value = "grim" }]
+++
Write a riddle. Answer with one JSON object:
{{ reply }}

- Language: {{ language }}
- Mood: {{ mood }}
- Sample: {{ sample }} {{ attempt }}
"""
    recipe = """
name = "riddles"
description = "a family of my own"
rows = 12
[languages]
en = 0.5
de = 0.5
[families.riddles]
share = 1.0
prompt = "my/riddle"
"""
    (tmp_path / "my").mkdir()
    (tmp_path / "my" / "riddle.md").write_text(prompt)
    (tmp_path / "riddles.toml").write_text(recipe)
    done = cli("run", tmp_path / "riddles.toml", "--llm", url, "--model", "m", "--out", tmp_path / "t")
    assert done.returncode == 0, done.stderr
    rows = accepted(tmp_path / "t")
    assert Counter(row.requested["mood"] for row in rows) == {"merry": 6, "grim": 6}
    assert Counter(row.query_language for row in rows) == {"en": 6, "de": 6}


def test_prefect_knows_the_run(cli, endpoint, tmp_path, prefect_api):
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.sorting import FlowRunSort

    url, _ = endpoint
    assert cli("run", "e5", "--llm", url, "--model", "m", "--rows", 10, "--out", tmp_path / "seen").returncode == 0
    with get_client(sync_client=True) as client:
        latest = client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC)
        runs = [run for run in latest if str(tmp_path) in json.dumps(run.parameters)]
    names = {re.sub(r"\W.*", "", run.name) for run in runs}
    assert {"e5", "brainstorm", "generate", "curate", "publish"} <= names
    assert all(run.state_name == "Completed" for run in runs)
