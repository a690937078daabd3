"""Runs that share an index: a later one repeats nothing of an earlier one, an earlier one stays as it is."""

import json

import pytest

from flows.curation.near import NearPolicy
from flows.domain.records import Row
from flows.store.jsonio import read_lines
from tests.curation.near_truth import similarity
from tests.curation.texts import TRIPLES
from tests.servers.openai_server import Config, server_process

RECIPE = """
name = "small"
description = "Families with a task list and without."
rows = 24
[languages]
en = 0.5
de = 0.5
[[llm]]
[families.sts]
share = 0.5
prompt = "e5/sts"
[families.short_long]
share = 0.5
prompt = "e5/short_long"
brainstorm = "e5/tasks_short_long"
[[curate.near]]
compare = "query"
threshold = 0.8
"""


@pytest.fixture(scope="module")
def endpoint():
    with server_process(Config()) as url:
        yield url


def lines(run, pattern):
    return [data for path in sorted(run.glob(pattern)) for data in read_lines(path)]


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_later_run_repeats_nothing_and_an_earlier_one_stays_as_it_is(cli, endpoint, tmp_path):
    (tmp_path / "small.toml").write_text(RECIPE)
    index = tmp_path / "index"

    def run(name, *words):
        out = tmp_path / name
        done = cli("run", tmp_path / "small.toml", "--llm", endpoint, "--out", out, "--index", index, *words)
        assert done.returncode == 0, done.stderr
        rows = [Row.from_json(data) for data in lines(out, "curate/shard-*")]
        return out, rows, [task["task"] for task in read_lines(out / "brainstorm" / "tasks.jsonl")]

    first, rows, tasks = run("first")
    assert cli("index", index).stdout.split() == [f"{index}:", "task:", f"{len(tasks)}", "query:", "24"]
    # other settings make it another run, though this server's words do not depend on them
    second, others, further = run("second", "--set", "llm.temperature=0.5", "--set", "limits.requests_per_row=8")
    for ours in others:
        for theirs in rows:
            if ours.family == theirs.family:
                assert similarity(ours.query, theirs.query, NearPolicy()) < 0.8
    assert all(similarity(one, other, NearPolicy()) < 0.7 for one in further for other in tasks)
    known = [entry for entry in lines(second, "curate/dropped-*") if entry["reason"] == "known_duplicate"]
    assert known
    assert {entry["detail"].split()[-5] for entry in known} <= {row.id for row in rows}
    before = files(first / "publish")
    assert cli("index", index, "--from", second, first).returncode == 0
    run("first")
    assert files(first / "publish") == before


def test_triples_made_elsewhere_are_held_against_earlier_ones(cli, tmp_path):
    index, texts = tmp_path / "index", list(TRIPLES.values())

    def curate(name, triples):
        data = tmp_path / f"{name}.jsonl"
        lines_ = [json.dumps(dict(zip(("anchor", "positive", "negative"), each, strict=True))) for each in triples]
        data.write_text("\n".join(lines_))
        done = cli("curate", data, "--out", tmp_path / name, "--index", index)
        assert done.returncode == 0, done.stderr
        return tmp_path / name

    first = curate("first", texts[:20])
    kept = {row["query"]: row["id"] for row in lines(first, "curate/shard-*")}
    assert len(kept) == 20
    query, positive, negative = texts[0]
    second = curate("second", [(f"{query} ", positive, negative), *texts[20:30]])
    assert len(lines(second, "curate/shard-*")) == 10
    (known,) = lines(second, "curate/dropped-*")
    assert (known["reason"], known["detail"].split()[-5]) == ("known_duplicate", kept[query])
    assert cli("index", index).stdout.split()[-1] == "30"
    before = files(first / "publish")
    assert files(curate("first", texts[:20]) / "publish") == before


def test_sources_that_are_no_published_data_are_refused(cli, tmp_path):
    for source, words in (("nowhere", "no such file or folder"), (tmp_path, "holds no published data")):
        done = cli("index", tmp_path / "new", "--from", source)
        assert (done.returncode, done.stdout) == (2, "")
        assert words in done.stderr and done.stderr.count("\n") == 1
    assert "no index there yet" in cli("index", tmp_path / "new").stderr
