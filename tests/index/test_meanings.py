"""Vectors in an index: rows of earlier runs that mean the same."""

import os
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.commands import index as command
from flows.curation.semantic import SemanticPolicy
from flows.errors import UsageError
from flows.index import index as module
from flows.index import meanings
from flows.index.index import Index
from flows.index.meanings import kind, vector_table

POLICY = SemanticPolicy("m", 0.75, {"y": 0.95})
DIRECTIONS = np.array([[1, 0], [0.75, 0.5], [0.5, 0.75], [0, 1], [0.875, 0.25]], np.float32)
"""Their products are exact, in whatever order a library adds them up: equal ones are equal."""
ROWS = st.lists(st.tuples(st.integers(0, len(DIRECTIONS) - 1), st.sampled_from("xy")), max_size=12)


@pytest.fixture(autouse=True)
def without_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda number: None)


def entries(**rows):
    """Texts and vectors of rows, all of family x; the words do not matter."""
    texts = [(id_, "x", [id_]) for id_ in rows]
    return {"query": texts, kind(POLICY): vector_table([*rows], ["x"] * len(rows), DIRECTIONS[[*rows.values()]])}


def ids(index, *directions, own=()):
    found = index.find_meanings(DIRECTIONS[list(directions)], POLICY, ["x"] * len(directions), own)
    return [known and known[0] for known in found]


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROWS, max_size=3), ROWS, st.sampled_from([16, 1 << 26]), st.sampled_from([(1, 2), (1024, 8192)]))
def test_the_most_alike_of_earlier_rows_is_found(tmp_path_factory, runs, rows, largest, block):
    index = Index(tmp_path_factory.mktemp("index"))
    held = [(f"{run}-{place}", *row) for run, its in enumerate(runs) for place, row in enumerate(its)]
    own = [id_ for id_, *_ in held[::4]]
    with patch.object(module, "_LARGEST", largest), patch.object(meanings, "_BLOCK", block):
        for run, its in enumerate(runs):
            names, groups = [f"{run}-{place}" for place in range(len(its))], [group for _, group in its]
            vectors = DIRECTIONS[[direction for direction, _ in its]] if its else np.zeros((0, 0), np.float32)
            index.put([], {kind(POLICY): vector_table(names, groups, vectors)})
        found = index.find_meanings(
            DIRECTIONS[[direction for direction, _ in rows]], POLICY, [group for _, group in rows], own
        )
    for (direction, group), known in zip(rows, found, strict=True):
        alike = {
            id_: float(np.float32(DIRECTIONS[direction] @ DIRECTIONS[other]))
            for id_, other, its in held
            if its == group and id_ not in own
        }
        near = {id_: cosine for id_, cosine in alike.items() if cosine >= POLICY.threshold_of(group)}
        assert (known is None) == (not near)
        if known:
            assert known == (max(near, key=near.__getitem__), max(near.values()))


def test_a_run_replaces_its_own_vectors_and_no_others(tmp_path):
    index = Index(tmp_path)
    index.put(["a", "b"], entries(a=0, b=3))
    index.put(["c"], entries(c=1))
    before = {path: path.stat().st_ino for path in tmp_path.rglob("*.arrow")}
    index.put(["c"], entries(c=1))
    assert {path: path.stat().st_ino for path in tmp_path.rglob("*.arrow")} == before
    assert ids(index, 0, 3) == ["a", "b"]
    assert ids(index, 0, 3, own=["a", "b"]) == ["c", None]
    index.put(["a", "b"], entries())
    assert ids(index, 0, 3) == ["c", None]
    assert index.counts() == {"query": 1, "query by m": 1}
    assert index.held("query by m", ["a", "c"]) == {"c"}


def test_rows_without_vectors_are_not_passed_over_in_silence(tmp_path):
    index = Index(tmp_path)
    index.check(POLICY)
    index.put([], {"task": [("t", "x", ["t"])], "query": [("a", "x", ["a"]), ("b", "x", ["b"])]})
    index.check()
    index.check(POLICY, ["a", "b"])
    words = r"2 of its rows have no vectors for \[curate.semantic\] \(query by m\); build it again: .* --encoder m$"
    for use in (lambda: index.check(POLICY), lambda: ids(index, 0)):
        with pytest.raises(UsageError, match=words):
            use()
    other = SemanticPolicy("m", compare="positive")
    with pytest.raises(UsageError, match=r"--encoder m --compare task query positive$"):
        index.check(other)
    index.put(["a", "b"], entries(a=0, b=1))
    index.check(POLICY)
    with pytest.raises(UsageError, match="2 of its rows"):
        index.check(SemanticPolicy("another"))


def test_vectors_of_another_length_are_told(tmp_path):
    index = Index(tmp_path)
    index.put([], entries(a=0))
    longer = np.ones((1, 3), np.float32)
    for use in (
        lambda: index.find_meanings(longer, POLICY, ["x"]),
        lambda: index.put([], {kind(POLICY): vector_table(["b"], ["x"], longer)}),
    ):
        with pytest.raises(UsageError, match="its vectors have 2 numbers, those of this run 3; build it again: tripl"):
            use()
    assert index.counts() == {"query": 1, "query by m": 1}


class Letters:
    """Counts letters."""

    def encode(self, texts):
        return np.array([[text.count("a"), text.count("b")] for text in texts], np.float32)


def test_vectors_are_built_from_published_rows_and_built_again_without_being_asked_for(tmp_path, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(command, "open_encoder", lambda name: opened.append(name) or Letters())
    published = [("one", "x", "aa"), ("two", "x", "b")]
    for name in ("published_entries", "published_vectors"):
        home = getattr(command, name).__module__
        monkeypatch.setattr(f"{home}.published_texts", lambda sources, compare: iter(published))

    def build(**changes):
        args = {"index": tmp_path, "sources": ["published"], "compare": None, "encoder": None} | changes
        return command.call(SimpleNamespace(**args))

    with pytest.raises(UsageError, match="name published data with --from"):
        build(sources=None, encoder="m")
    for changes in ({"encoder": "m"}, {}, {"compare": ["query"]}):
        assert build(**changes) == 0
        assert "query by m: 2" in capsys.readouterr().out
        assert ids(Index(tmp_path), 0, 3) == ["one", "two"]
    assert opened == ["m"] * 3
    assert [*Index(tmp_path).counts()] == ["query", "query by m"]
