import json
from dataclasses import replace

import pytest

from flows.domain.records import Row
from flows.domain.units import Dropped
from flows.errors import UsageError
from flows.publishing.formats.full import FULL
from flows.sources.gather import gather_negatives
from flows.sources.records import Record
from flows.sources.triples import Wanted, plan_reading, read_row
from tests.factories import row


def rows(*records, **wanted) -> list[Row | Dropped]:
    read = [Record(f"rows.jsonl:{line}", values) for line, values in enumerate(records, start=1)]
    reading = plan_reading(read, Wanted(**wanted), "rows.jsonl", "abc")
    return [read_row(record, reading, place) for place, record in enumerate(read)]


def texts(row: Row) -> tuple[str, list[str], list[str]]:
    return row.query, [text.text for text in row.positives], [text.text for text in row.negatives]


@pytest.mark.parametrize(
    "record",
    [
        {"anchor": "q", "positive": "p", "negative_1": "n", "negative_2": "m"},
        {"query": "q", "pos": ["p"], "neg": ["n", "m"]},
        {"query": "q", "positives": '["p"]', "negatives": '["n", "m"]'},
        {"query": "q", "docs": ["n", "p", "m"], "labels": [0, 1.0, 0.2]},
        {"query": "q", "positive_passages": [{"docid": "1", "title": "", "text": "p"}],
         "negative_passages": [{"docid": 2, "text": "n"}, {"docid": 3, "text": "m"}]},
    ],
    ids=["sentence-transformers", "FlagEmbedding", "lists in CSV", "ranked list", "Tevatron"],
)  # fmt: skip
def test_every_layout_gives_the_same_row(record):
    (made,) = rows(record)
    assert texts(made) == ("q", ["p"], ["n", "m"])
    assert made.family == "triples" and made.query_language == "und"
    assert {text.origin for text in (*made.positives, *made.negatives)} == {"given"}
    assert made.requested == {"source": "rows.jsonl:1"}


def test_a_row_of_our_own_comes_back_as_it_was():
    own = row(requested={"words": {"query": [1, 9]}}, measured={"leak": None}, split="train")
    published = dict(zip(FULL.columns, FULL.lay_out(own)[0], strict=True))
    for record in (own.to_json(), json.loads(json.dumps(published))):
        assert rows(record) == [replace(own, measured={}, split=None)]


def test_scores_of_graded_pairs_are_brought_to_one_range():
    pairs = [{"sentence1": "a", "sentence2": "b", "score": score} for score in (0, 2.5, 5)]
    made = rows(*pairs)
    assert [one.positives[0].scores["requested"] for one in made] == [0, 0.5, 1]
    assert [one.positives[0].grade for one in made] == [0, 2.5, 5]
    assert all(one.symmetric and one.family == "sts" for one in made)
    rescaled = rows(*pairs, scores="1..5")
    assert rescaled[0].reason == "bad_score" and rescaled[2].positives[0].scores == {"requested": 1}


def test_teachers_scores_stay_with_their_texts():
    (made,) = rows({"query": "q", "pos": ["p"], "neg": ["n", "m"], "pos_scores": [9.5], "neg_scores": [3, -1]})
    assert [text.scores["given"] for text in (*made.positives, *made.negatives)] == [9.5, 3, -1]
    (listed,) = rows({"query": "q", "positive": "p", "negative_1": "n", "label": [0.9, 0.1]})
    assert [text.scores["given"] for text in (*listed.positives, *listed.negatives)] == [0.9, 0.1]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"query": "", "pos": ["p"]}, "no_query"),
        ({"query": None, "pos": ["p"]}, "no_query"),
        ({"query": "q", "pos": [], "neg": None}, "no_positive"),
        ({"query": "q", "pos": ["p", 7]}, "bad_text"),
        ({"query": "q", "pos": ["p"], "pos_scores": ["high"]}, "bad_score"),
        ({"query": "q", "pos": ["p", "r"], "pos_scores": [1]}, "bad_score"),
    ],
)
def test_a_record_that_is_no_row_says_why(record, reason):
    good = {"query": "q", "pos": ["p"], "pos_scores": [1]}
    dropped = rows(good, record)[1]
    assert isinstance(dropped, Dropped) and dropped.reason == reason
    assert dropped.detail.startswith("rows.jsonl:2: ")


def test_half_a_character_is_brought_in_and_left_to_curation():
    (made,) = rows({"query": "q \udc80", "pos": ["p \udc80"]})
    assert made.query == "q \udc80"


def test_equal_records_are_rows_of_their_own():
    one, other = rows({"query": "q", "pos": "p"}, {"query": "q", "pos": "p"})
    assert one.id != other.id


def test_lines_that_differ_in_the_negative_alone_become_one_row():
    lines = [("q", "p", "n"), ("q", "p", "m"), ("q", "p", "m"), ("q", "r", "o"), ("q", "p", "l")]
    made = list(
        gather_negatives(rows(*(dict(zip(("anchor", "positive", "negative"), line, strict=True)) for line in lines)))
    )
    kept = [texts(one) for one in made if isinstance(one, Row)]
    assert kept == [("q", ["p"], ["n", "m"]), ("q", ["p"], ["m"]), ("q", ["r"], ["o"]), ("q", ["p"], ["l"])]
    assert [one.reason for one in made if isinstance(one, Dropped)] == ["merged"]


def test_language_and_instruction_are_taken_from_columns():
    (made,) = rows({"query": "q", "pos": "p", "lang": "German", "prompt": "Find it"})
    assert (made.query_language, made.document_language) == ("de", "de")
    assert (made.instruction, made.task) == ("Find it", "")
    assert rows({"query": "q", "pos": "p", "lang": "xx"})[0].query_language == "und"
    assert rows({"query": "q", "pos": "p"}, language="ja")[0].query_language == "ja"


def test_an_odd_wish_is_refused():
    with pytest.raises(UsageError, match="--scores 5: write it as"):
        rows({"sentence1": "a", "sentence2": "b", "score": 1}, scores="5")
    with pytest.raises(UsageError, match="language 'xx' is unknown"):
        rows({"query": "q", "pos": "p"}, language="xx")
