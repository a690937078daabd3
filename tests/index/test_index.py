import os
import signal
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.curation.near import NearPolicy
from flows.curation.tokens import tokens
from flows.errors import StoreError, UsageError
from flows.index import filing
from flows.index import index as module
from flows.index.index import Index
from tests.curation.near_truth import TEXTS, THRESHOLDS, similarity

POLICIES = st.one_of(
    st.builds(NearPolicy, st.sampled_from(["rouge_l", "token_set", "jaccard"]), THRESHOLDS),
    st.builds(NearPolicy, st.just("jaccard"), THRESHOLDS, st.integers(2, 4)),
)
RUNS = st.lists(TEXTS.map(lambda texts: [(text, "xy"[place % 2]) for place, text in enumerate(texts)]), max_size=3)


def entries(run, rows):
    return [(f"{run}-{place}", group, tokens(text)) for place, (text, group) in enumerate(rows)]


@pytest.fixture(autouse=True)
def without_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda number: None)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(RUNS, TEXTS, POLICIES, st.sampled_from([8, 1 << 26]), st.sampled_from([1, 64]))
def test_every_text_near_to_one_of_an_earlier_run_is_found(tmp_path_factory, runs, texts, policy, largest, crowd):
    index = Index(tmp_path_factory.mktemp("index"))
    held = [(f"{run}-{place}", *row) for run, rows in enumerate(runs) for place, row in enumerate(rows)]
    groups = ["xyz"[place % 3] for place in range(len(texts))]
    with patch.object(module, "_LARGEST", largest), patch.object(filing, "_CROWD", crowd):
        for run, rows in enumerate(runs):
            index.put([], {"query": entries(run, rows)})
        found = index.find(texts, policy, groups)
    for text, group, known in zip(texts, groups, found, strict=True):
        alike = {id_: similarity(text, other, policy) for id_, other, its in held if its == group}
        near = [id_ for id_, score in alike.items() if score >= policy.threshold]
        assert (known is None) == (not near)
        if known:
            assert known.id == max(near, key=alike.__getitem__)
            assert known.similarity == alike[known.id]


def ids(index, *texts, policy=None, own=()):
    return [known and known.id for known in index.find(texts, policy or NearPolicy(), ["x"] * len(texts), own)]


def put(index, own, **rows):
    index.put(own, {"query": [(id_, "x", tokens(text)) for id_, text in rows.items()]})


def test_an_index_begins_with_the_first_run(tmp_path):
    index = Index(tmp_path / "new")
    assert ids(index, "a b c") == [None]
    put(index, ["one"], one="a b c")
    assert ids(index, "A, b; c!", "c b a") == ["one", None]
    assert index.counts() == {"query": 1}


def test_a_run_replaces_its_own_entries_and_no_others(tmp_path):
    index = Index(tmp_path)
    put(index, ["one", "two"], one="a b c", two="d e f")
    put(index, ["three"], three="g h i")
    put(index, ["one", "two", "four"], two="d e g", four="j k l")
    assert ids(index, "a b c", "d e f", "d e g", "g h i", "j k l") == [None, None, "two", "three", "four"]
    assert ids(index, "d e g", "g h i", own=["two", "four"]) == [None, "three"]
    assert index.counts() == {"query": 3}


def test_adding_again_changes_no_file(tmp_path):
    index = Index(tmp_path)
    for run in range(3):
        put(index, [f"{run}"], **{f"{run}": f"text {run} of a run"})
    ids(index, "a")

    def files():
        return {path: path.stat().st_ino for path in tmp_path.rglob("*") if path.suffix in (".npy", ".arrow")}

    before = files()
    put(index, ["1"], **{"1": "text 1 of a run"})
    assert files() == before


def test_small_segments_are_merged_and_old_ones_removed(tmp_path):
    index = Index(tmp_path)
    for run in range(64):
        put(index, [f"{run}"], **{f"{run}": f"text {run} of a run"})
        assert len([path for path in tmp_path.iterdir() if path.name.isdecimal()]) <= 8
    assert ids(index, *(f"text {run} of a run" for run in range(64)), policy=NearPolicy(threshold=1)) == [
        f"{run}" for run in range(64)
    ]


def test_another_threshold_or_measure_files_the_same_texts_anew(tmp_path):
    index = Index(tmp_path)
    put(index, ["one"], one="a b c d e")
    assert ids(index, "a b c d f") == [None]
    assert ids(index, "a b c d f", policy=NearPolicy(threshold=0.8)) == ["one"]
    assert ids(index, "e d c b a", policy=NearPolicy("jaccard")) == ["one"]
    assert ids(index, "b a", policy=NearPolicy("token_set")) == ["one"]


def test_what_was_never_indexed_is_not_passed_over_in_silence(tmp_path):
    put(Index(tmp_path), ["one"], one="a b c")
    with pytest.raises(UsageError, match="does not hold what compare = 'positive' asks for; build it again"):
        ids(Index(tmp_path), "a", policy=NearPolicy(compare="positive"))


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for use in (lambda index: ids(index, "a"), lambda index: put(index, [], one="a"), lambda index: index.rebuild({})):
        with pytest.raises(UsageError, match="is no index"):
            use(Index(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_another_version_and_damage_are_told_and_mended_by_rebuilding(tmp_path):
    index = Index(tmp_path)
    put(index, ["one"], one="a b c")
    header = tmp_path / "index.json"
    for damage, words in (
        (lambda: header.write_text(header.read_text().replace('"version": 1', '"version": 0')), "index of version 0"),
        (lambda: header.write_text('{"vers'), "is damaged"),
        (lambda: next(tmp_path.glob("*/rows.arrow")).write_bytes(b"ARROW1"), "is damaged"),
        (lambda: next(tmp_path.glob("*/filed-*/key.npy")).write_bytes(b""), "is damaged"),
    ):
        ids(index, "a b c")
        damage()
        with pytest.raises((StoreError, UsageError), match=f"{words}.*build it again: triplesmith index"):
            ids(index, "a b c")
        index.rebuild({"query": [("one", "x", ["a", "b", "c"])]})
        assert ids(index, "a b c") == ["one"]


KILLED = """
import os, signal, sys
from pathlib import Path
from flows.index import index as module
from flows.index.index import Index

left = int(sys.argv[2])
def step(work):
    def counted(*args, **kwargs):
        global left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return work(*args, **kwargs)
    return counted

module.write_segment = step(module.write_segment)
module.write_json = step(module.write_json)
module.rmtree = step(module.rmtree)
rows = [("new", "x", ["d", "e", "f"])]
Index(Path(sys.argv[1])).put(["new"], {"query": rows, "task": rows})
"""


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5])
def test_a_kill_leaves_the_index_as_it_was_or_as_it_was_to_be(tmp_path, step):
    index = Index(tmp_path)
    put(index, ["old"], old="a b c")
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", KILLED, tmp_path, str(step)], cwd=root, check=False)
    assert done.returncode == (-signal.SIGKILL if step < 5 else 0)
    assert ids(index, "a b c") == ["old"]
    assert index.counts() == ({"query": 1} if step <= 3 else {"query": 2, "task": 1})
    put(index, ["new"], new="d e f")
    assert ids(index, "a b c", "d e f") == ["old", "new"]
    assert len([path for path in tmp_path.iterdir() if path.name.isdecimal()]) == len(index.counts())
