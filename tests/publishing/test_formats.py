import json

import pytest

from flows.domain.records import Row, Text
from flows.publishing.formats import CONFIGS
from flows.publishing.formats.full import FULL
from flows.publishing.formats.shape import Unfit
from flows.publishing.formats.texts import PAIR, PAIR_SCORE, TRIPLET
from tests.publishing.rows import graded_row, make_row

TWO_OF_EACH = make_row(
    1, positives=(Text("p1"), Text("p2")), negatives=(Text("n1"), Text("n2", origin="bm25"), Text("n3"))
)

CASES = {
    "triplet": (TRIPLET, TWO_OF_EACH, [("query 1", "p1", "n1"), ("query 1", "p2", "n2"), ("query 1", "p1", "n3")]),
    "triplet without negative": (TRIPLET, make_row(1, negatives=()), Unfit("no_negative")),
    "pair": (PAIR, TWO_OF_EACH, [("query 1", "p1"), ("query 1", "p2")]),
    "pair without negative": (PAIR, make_row(1, negatives=()), [("query 1", "positive 1")]),
    "pair-score": (PAIR_SCORE, graded_row(1), [("query 1", "close 1", 0.875), ("query 1", "far 1", 0.375)]),
    "pair-score without grades": (PAIR_SCORE, make_row(1), Unfit("no_score")),
}


@pytest.mark.parametrize(("shape", "row", "lines"), CASES.values(), ids=CASES)
def test_lines(shape, row, lines):
    assert shape.lay_out(row) == lines


def test_only_training_columns_in_the_order_of_trainers():
    assert {shape.name: list(shape.columns) for shape in CONFIGS if shape is not FULL} == {
        "triplet": ["anchor", "positive", "negative"],
        "pair": ["anchor", "positive"],
        "pair-score": ["sentence1", "sentence2", "score"],
    }


def test_full_loses_nothing():
    row = graded_row(7, source_doc_id="d1", requested={"unit": "sentence", "words": {"query": [1, None]}})
    (line,) = FULL.lay_out(row)
    record = dict(zip(FULL.columns, line, strict=True))
    for name in ("requested", "measured"):
        record[name] = json.loads(record[name])
    for text in (*record["positives"], *record["negatives"]):
        text["scores"] = json.loads(text["scores"])
    assert Row.from_json(record) == row
