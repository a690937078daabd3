import pytest

from flows.domain.records import Text
from flows.errors import StoreError, UsageError
from flows.review.session import Session
from flows.review.shelf import Filters
from flows.store.layout import Layout
from flows.store.reviews import read_reviews
from tests.reporting.folder import dropped_row, make_run, numbered

LONG = "word " * 7000
ASKED = {"words": {"query": [1, 5]}}


@pytest.fixture
def layout(tmp_path) -> Layout:
    accepted = [
        numbered(1, query="first"),
        numbered(2, query="a query of rather more words than asked for", requested=ASKED),
        numbered(3, family="sts", language="ar", positives=(Text("close", grade=4),)),
        numbered(4, positives=(LONG,)),
    ]
    return make_run(tmp_path / "run", accepted, [dropped_row(numbered(5), "too_long", "query: 44 words")])


@pytest.fixture
def session(layout):
    with Session(layout) as session:
        yield session


def test_a_row_comes_with_all_its_words_and_what_is_known_of_it(session):
    assert session.show(3)["positives"][0]["text"] == LONG
    row = session.show(4)
    assert (row["dropped"], row["verdict"], row["doubts"]) == (
        {"reason": "too_long", "detail": "query: 44 words"},
        None,
        [],
    )
    assert any("too long · query: 9 words" in doubt for doubt in session.show(1)["doubts"])


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        (Filters(), [0, 1, 2, 3, 4]),
        (Filters(status="accepted"), [0, 1, 2, 3]),
        (Filters(status="dropped"), [4]),
        (Filters(reason="too_long"), [4]),
        (Filters(family="sts"), [2]),
        (Filters(language="ar"), [2]),
        (Filters(verdict="rejected"), []),
    ],
    ids=["all", "accepted", "dropped", "reason", "family", "language", "verdict"],
)
def test_filters_leave_the_rows_that_fit(session, filters, numbers):
    assert session.select(filters) == numbers


def test_a_sample_is_the_same_every_time_and_doubts_come_first(session):
    sample = session.select(Filters(sample=3))
    assert sample == sorted(sample) == session.select(Filters(sample=3))
    assert sorted(session.select(Filters(order="random"))) == [0, 1, 2, 3, 4]
    doubtful = session.select(Filters(order="doubtful"))
    assert {1, 3} & {*doubtful[:2]}
    with pytest.raises(UsageError, match="choose one of"):
        Filters(order="size")


def test_verdicts_are_on_disk_at_once_and_counted(session, layout):
    session.decide(0, False, {})
    session.decide(1, True, {"query": "fewer words"})
    session.decide(4, True, {})
    assert {id_[-1]: review.accept for id_, review in read_reviews(layout).items()} == {
        "1": False,
        "2": True,
        "5": True,
    }
    assert session.counts == {
        "rows": 5, "decided": 3, "accepted": 1, "rejected": 1, "edited": 1, "rescued": 1, "undo": 3,
    }  # fmt: skip
    assert session.select(Filters(verdict="open")) == [2, 3]
    assert session.show(1)["verdict"] == {"accept": True, "query": "fewer words"}
    review = read_reviews(layout)[f"{2:016x}"]
    assert review.measured["words"]["query"] == [2]
    assert review.at.endswith("+00:00")


def test_undo_goes_back_step_by_step(session, layout):
    session.decide(0, True, {})
    session.decide(0, False, {})
    session.decide(1, None, {})
    assert [session.undo(), session.undo()] == [1, 0]
    assert read_reviews(layout)[f"{1:016x}"].accept
    assert session.undo() == 0
    assert (read_reviews(layout), session.undo(), session.changed) == ({}, None, False)


def test_words_that_are_as_they_were_are_no_edit(session, layout):
    row = session.show(0)
    texts = {column: [text["text"] for text in row[column]] for column in ("positives", "negatives")}
    session.decide(0, True, {"query": row["query"], **texts})
    assert read_reviews(layout)[row["id"]].edited == []


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ({"query": " "}, "needs a query"),
        ({"query": ["a"]}, "query: must be a text"),
        ({"positives": [" "]}, "needs a positive"),
        ({"positives": []}, "positives: 1 texts"),
        ({"negatives": "a"}, "negatives: must be a list of texts"),
        ({"negatives": [1]}, "negatives: must be a list of texts"),
    ],
    ids=["no query", "listed query", "no positive", "too few", "no list", "no texts"],
)
def test_words_that_make_no_row_are_refused(session, layout, words, complaint):
    with pytest.raises(UsageError, match=complaint):
        session.decide(0, True, words)
    assert read_reviews(layout) == {}
    assert not session.changed


@pytest.mark.parametrize("harm", ["torn", "missing"])
def test_a_damaged_file_is_named(layout, harm):
    path = layout.dropped("curate", 0)
    if harm == "torn":
        path.write_bytes(path.read_bytes()[:-9])
    else:
        path.unlink()
    with pytest.raises(StoreError, match=r"dropped-00000\.jsonl: (the line at byte 0 is damaged|cannot be read)"):
        Session(layout)


def test_there_must_be_rows(tmp_path):
    with pytest.raises(UsageError, match="no row is curated yet"):
        Session(Layout(tmp_path))
