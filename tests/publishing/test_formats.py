import json
from dataclasses import replace

import pytest

from flows.domain.records import Row, Text
from flows.publishing.configs import NAMES, ConfigOptions, config_shapes
from flows.publishing.formats.full import FULL
from flows.publishing.formats.labels import TEXT_LABEL
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
    shapes = config_shapes(ConfigOptions(NAMES[:8], negatives=2))
    assert {shape.name: list(shape.columns) for shape in shapes} == {
        "triplet": ["anchor", "positive", "negative"],
        "pair": ["anchor", "positive"],
        "pair-score": ["sentence1", "sentence2", "score"],
        "pair-class": ["sentence1", "sentence2", "label"],
        "n-tuple": ["anchor", "positive", "negative_1", "negative_2"],
        "scored": ["query", "positive", "negative_1", "negative_2", "label"],
        "ranked-list": ["query", "docs", "labels"],
        "text-label": ["sentence", "label"],
    }


LABELLED = make_row(1, family="long_short", requested={"labels": True}, positives=(Text("good"),))


def test_configs_for_kinds_of_tasks_and_styles_of_instructions():
    options = ConfigOptions(("pair", "full"), instructions=("instruct",), groups=("short_long", "sts_no_in_batch_neg"))
    shapes = {shape.name: shape for shape in config_shapes(options)}
    assert list(shapes) == ["pair", "full", "pair-short_long", "pair-sts_no_in_batch_neg", "pair-instruct"]
    rows = [make_row(1), graded_row(2)]
    assert [shapes["pair-short_long"].meant(row) for row in rows] == [True, False]
    assert [shapes["pair-sts_no_in_batch_neg"].meant(row) for row in rows] == [False, True]
    instruction = "Instruct: Task number 1\nQuery: query 1"
    assert shapes["pair-instruct"].lay_out(rows[0]) == [(instruction, "positive 1")]


def test_a_class_has_the_same_number_in_every_part_of_a_set():
    ((first, number),) = TEXT_LABEL.lay_out(LABELLED)
    assert (first, 0 <= number < 2**48) == ("query 1", True)
    assert TEXT_LABEL.lay_out(replace(LABELLED, query="other")) == [("other", number)]
    assert TEXT_LABEL.lay_out(replace(LABELLED, task="other")) != [("query 1", number)]


def test_full_loses_nothing():
    row = graded_row(7, source_doc_id="d1", requested={"unit": "sentence", "words": {"query": [1, None]}})
    (line,) = FULL.lay_out(row)
    record = dict(zip(FULL.columns, line, strict=True))
    for name in ("requested", "measured"):
        record[name] = json.loads(record[name])
    for text in (*record["positives"], *record["negatives"]):
        text["scores"] = json.loads(text["scores"])
    assert Row.from_json(record) == row
