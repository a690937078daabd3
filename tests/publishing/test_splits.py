from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.domain.records import Text
from flows.publishing.splits import assign_splits, bridging, straddling, ties_of, with_splits
from tests.publishing.rows import make_row

SHARES = {"validation": 0.1, "test": 0.05}


def split(rows, shares=SHARES, seed=0, **ties):
    return list(with_splits(rows, assign_splits(rows, shares, seed, **ties)))


def by_split(rows):
    return Counter(row.split for row in rows)


@st.composite
def tied_rows(draw):
    count = draw(st.integers(1, 40))
    word = st.integers(0, 60)
    return [
        make_row(
            number,
            family=draw(st.sampled_from(["sts", "short_long"])),
            task=f"task {draw(st.integers(0, 25))}",
            query=f"text {draw(word)}",
            positives=(Text(f"text {draw(word)}"),),
            negatives=(Text(f"mined {draw(word)}", origin="bm25", doc_id="d1"),),
            source_doc_id=draw(st.none() | st.integers(0, 60).map(str)),
        )
        for number in range(count)
    ]


# making rows takes long on a busy machine, which is no fault of theirs
patient = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


@patient
@given(tied_rows(), st.randoms(use_true_random=False))
def test_nothing_straddles_and_order_does_not_matter(rows, random):
    found = split(rows)
    assert straddling(found) == []
    for kind in ("task", "query", "source_doc_id"):
        sides = {}
        for row in found:
            if getattr(row, kind) is not None:
                sides.setdefault(getattr(row, kind), set()).add(row.split)
        assert all(len(side) == 1 for side in sides.values()), kind
    assert by_split(found)["train"] > 0
    shuffled = random.sample(rows, len(rows))
    assert {row.id: row.split for row in split(shuffled)} == {row.id: row.split for row in found}


def test_shares_are_reached_in_every_family():
    rows = [make_row(n, family=("a", "b")[n % 3 == 0], task=f"task {n // 2} {n % 3 == 0}") for n in range(1200)]
    counts = Counter((row.family, row.split) for row in split(rows))
    assert counts == {
        ("a", "validation"): 80,
        ("b", "validation"): 40,
        ("a", "test"): 40,
        ("b", "test"): 20,
        ("a", "train"): 680,
        ("b", "train"): 340,
    }


def test_small_families_share_the_rounding():
    rows = [make_row(n, family=f"family {n % 6}") for n in range(60)]
    assert by_split(split(rows, {"validation": 0.05})) == {"train": 57, "validation": 3}


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.99])
def test_a_family_with_one_task_stays_in_train(share):
    rows = [make_row(n, task="the only task") for n in range(20)]
    assert by_split(split(rows, {"validation": share})) == {"train": 20}


def test_a_family_keeps_a_train_row_at_any_share():
    assert by_split(split([make_row(n) for n in range(4)], {"validation": 0.99}))["train"] == 1


def test_the_seed_changes_the_choice():
    rows = [make_row(n) for n in range(100)]
    held_out = [{row.id for row in split(rows, seed=seed) if row.split == "validation"} for seed in (0, 1)]
    assert len(held_out[0]) == len(held_out[1]) == 10
    assert held_out[0] != held_out[1]


TIES = {
    "task in another case": (dict(task="Find it"), dict(task=" find  IT")),
    "query": (dict(query="Straße 5"), dict(query="STRASSE 5")),
    "width": (dict(query="ＡＢＣ"), dict(query="abc")),
    "query and positive": (dict(query="same"), dict(positives=(Text("same"),))),
    "second positive": (dict(query="same"), dict(positives=(Text("other"), Text("same")))),
    "written negative": (dict(query="same"), dict(negatives=(Text("same"),))),
    "source document": (dict(source_doc_id="d7"), dict(source_doc_id="d7")),
    "positive document": (dict(source_doc_id="d7"), dict(positives=(Text("x", doc_id="d7"),))),
    "lone surrogate": (dict(query="\ud800"), dict(query="\ud800")),
}


@pytest.mark.parametrize(("one", "other"), TIES.values(), ids=TIES)
def test_what_ties_rows(one, other):
    rows = [make_row(1, **one), make_row(2, **other), *(make_row(n) for n in range(3, 13))]
    for seed in range(10):
        found = split(rows, {"validation": 0.5}, seed)
        assert found[0].split == found[1].split
    apart = [replace(rows[0], split="train"), replace(rows[1], split="validation")]
    (message,) = set(straddling(apart))
    assert message.startswith(f"{rows[0].id} (train) and {rows[1].id} (validation) share a ")


def test_mined_negatives_tie_nothing():
    negatives = (Text("mined", origin="bm25", doc_id="d1"),)
    rows = [make_row(n, negatives=negatives, split=("train", "test")[n % 2]) for n in range(10)]
    assert straddling(rows) == []
    assert by_split(split(rows, {"validation": 0.5})) == {"train": 5, "validation": 5}


def test_further_ties_can_be_given():
    def ties(row):
        yield from ties_of(row)
        yield "duplicate cluster", str(row.measured["cluster"])

    rows = [make_row(n, measured={"cluster": n // 3}) for n in range(30)]
    found = split(rows, {"validation": 0.3}, ties=ties)
    assert straddling(found, ties) == []
    assert by_split(found)["validation"] == 9


def test_chains_are_followed_to_the_end():
    rows = [make_row(n, query=f"text {n}", positives=(Text(f"text {n + 1}"),)) for n in range(50)]
    assert by_split(split([*rows, make_row(99)], {"validation": 0.5})) in (
        {"train": 50, "validation": 1},
        {"train": 1, "validation": 50},
    )


def test_no_rows():
    assert assign_splits([], SHARES, 0) == {}
    assert straddling([]) == []


def test_what_earlier_runs_have_keeps_its_split():
    rows = [make_row(n, task=f"Task {n // 2}") for n in range(100)]
    pinned = {("task", "task 0"): "validation", ("text", "query 3"): "train", ("task", "task 99"): "validation"}
    found = split([*rows, make_row(100, query="query 0")], {"validation": 0.1}, earlier=pinned.get)
    assert [row.split for row in found[:4]] == ["validation", "validation", "train", "train"]
    assert found[-1].split == "validation"
    assert by_split(found[4:100])["validation"] == 10
    assert straddling(found) == []


def test_rows_without_a_task_are_split_one_by_one_and_given_negatives_tie_nothing():
    shared = (Text("A negative of the corpus.", origin="given"),)
    rows = [replace(make_row(number), task="", negatives=shared) for number in range(20)]
    splits = assign_splits(rows, {"validation": 0.25}, seed=1)
    assert sorted(splits) == sorted(one.id for one in rows)
    assert list(splits.values()).count("validation") == 5
    assert not straddling(with_splits(rows, splits))


def test_rows_between_two_splits_are_found():
    pinned = {("text", "in train"): "train", ("text", "in test"): "test"}
    rows = [
        make_row(0, query="in train", positives=(Text("in test"),)),
        make_row(1, query="in train"),
        make_row(2, query="in test", positives=(Text("shared"),)),
        make_row(3, query="positive 1", positives=(Text("shared"),)),
        make_row(4, task="Task number 1", query="in test"),
        make_row(5),
    ]
    found = bridging(rows, pinned.get)
    assert found == {rows[n].id for n in (0, 3, 4)}
    kept = split([row for row in rows if row.id not in found], {"validation": 0.2}, earlier=pinned.get)
    assert [row.split for row in kept[:2]] == ["train", "test"]
    assert straddling(kept) == []


@patient
@given(tied_rows(), tied_rows())
def test_a_set_grows_without_a_leak(first, second):
    first = [replace(row, id=f"a{row.id}") for row in split(first)]
    ties = {tie: row.split for row in first for tie in ties_of(row)}
    fresh = [row for row in second if row.id not in bridging(second, ties.get)]
    assert straddling([*first, *split(fresh, earlier=ties.get)]) == []
