import pytest

from flows.domain.reviews import Review
from flows.errors import StoreError
from flows.store.journal import Journal
from flows.store.layout import Layout
from flows.store.reviews import kept_rows, read_reviews, rejected_rows, rescued_rows
from tests.reporting.folder import dropped_row, make_run, numbered


@pytest.fixture
def layout(tmp_path) -> Layout:
    return make_run(
        tmp_path / "run", [numbered(1), numbered(2), numbered(3)], [dropped_row(numbered(4), "too_long", "so long")]
    )


def decide(layout: Layout, **reviews: Review | None) -> dict[str, Review]:
    with Journal(layout.verdicts) as journal:
        for name, review in reviews.items():
            journal.append(f"{int(name[1:]):016x}", review and review.to_json())
    return read_reviews(layout)


def ids(rows) -> list[int]:
    return [int(row.id, 16) for row in rows]


def test_without_verdicts_the_rows_are_curations(layout):
    assert read_reviews(layout) == {}
    assert ids(kept_rows(layout, {})) == [1, 2, 3]
    assert ids(rejected_rows(layout, {})) == ids(rescued_rows(layout, {})) == []


def test_verdicts_reject_edit_and_take_back(layout):
    reviews = decide(layout, r1=Review(False), r2=Review(True, query="new words"), r4=Review(True), r9=Review(False))
    kept = list(kept_rows(layout, reviews))
    assert ids(kept) == [2, 3, 4]
    assert kept[0].query == "new words"
    assert kept[2].measured["review"] == {"edited": [], "dropped_for": "too_long"}
    assert [(d.reason, int(d.id, 16)) for d in rejected_rows(layout, reviews)] == [("reviewed", 1)]
    assert ids(rescued_rows(layout, reviews)) == [4]


def test_the_last_verdict_counts_and_a_withdrawn_one_does_not(layout):
    decide(layout, r1=Review(False), r2=Review(False))
    assert ids(kept_rows(layout, decide(layout, r1=Review(True), r2=None))) == [1, 2, 3]


def test_a_torn_last_verdict_costs_only_itself(layout):
    decide(layout, r1=Review(False))
    with layout.verdicts.open("a") as file:
        file.write('{"key":"0000000000000002","value":{"acc')
    assert ids(kept_rows(layout, read_reviews(layout))) == [2, 3]


def test_a_foreign_verdict_is_refused(layout):
    with Journal(layout.verdicts) as journal:
        journal.append("a", {"accept": True, "mood": "good"})
    with pytest.raises(StoreError, match="holds a verdict that this version does not know"):
        read_reviews(layout)
