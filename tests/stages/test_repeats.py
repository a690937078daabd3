import random

import numpy as np
import pytest

from flows.curation.near import NearPolicy
from flows.curation.semantic import SemanticPolicy
from flows.curation.tokens import tokens
from flows.index.index import Index
from flows.index.meanings import kind, vector_table
from flows.stages.repeats import Repeats
from tests.factories import row

QUERY = NearPolicy("rouge_l", 0.8)
POSITIVE = NearPolicy("jaccard", 0.6, 2, compare="positive")


def judge(rows, policies=(QUERY,), index=None, own=()):
    """Place -> (reason, detail) of the rows that go; a row's slot is its order, query and positive are its key."""
    repeats = Repeats(policies, index)
    for place, each in enumerate(rows):
        repeats.add(place, each, (each.query, each.positives[0].text), each.slot)
    return {place: (verdict.reason, verdict.detail) for place, verdict in repeats.find(own).items()}


def test_each_row_that_goes_names_its_twin():
    rows = [
        row(id="a", slot=0, query="one two three four five"),
        row(id="b", slot=1, query="one two three four five"),
        row(id="c", slot=2, query="one two three four six", positives=("other",)),
        row(id="d", slot=3, query="one two three seven six", positives=("other",)),
    ]
    found = judge(rows)
    assert found == {
        1: ("duplicate", "same query and positive as a"),
        2: ("near_duplicate", "query 0.80 like that of a"),
    }


def test_of_rows_that_ask_the_same_the_first_answer_stays():
    repeats = Repeats(())
    for place, (id_, key, query) in enumerate(
        [("a", 1, "q"), ("b", 1, "q"), ("c", 2, "q"), ("d", 3, None), ("e", 4, None)]
    ):
        repeats.add(place, row(id=id_), key, place, query=query)
    found = {place: (verdict.reason, verdict.detail) for place, verdict in repeats.find().items()}
    assert found == {
        1: ("duplicate", "same query and positive as a"),
        2: ("shared_query", "same query as a, with another positive"),
    }


def test_rows_of_other_families_are_no_twins():
    rows = [row(id="a", query="one two three four five"), row(id="b", family="sts", query="one two three four six")]
    assert judge(rows) == {}


@pytest.mark.parametrize(
    ("compare", "gone"), [("query", {1, 2}), ("positive", {1, 3}), ("query_positive", {1})], ids=str
)
def test_what_is_compared_is_a_policy(compare, gone):
    long, other = "the pump runs dry when the float switch sticks", "weed in the scuppers keeps water on the deck"
    rows = [
        row(id="a", slot=0, query="why does my pump run dry", positives=(long,)),
        row(id="b", slot=1, query="why does my pump run dry?", positives=(long.upper() + " again",)),
        row(id="c", slot=2, query="Why does my pump run dry!", positives=(other,)),
        row(id="d", slot=3, query="who cleans scuppers", positives=(long + " so",)),
    ]
    assert {*judge(rows, [NearPolicy("jaccard", 0.7, compare=compare)])} == gone


def test_shuffled_rows_give_the_same_outcome():
    rng = random.Random(3)
    rows = [
        row(id=f"{n}", slot=n, query=" ".join(rng.choices("abcd", k=5)), positives=(" ".join(rng.choices("efg", k=4)),))
        for n in range(60)
    ]
    outcome = {rows[place].id: verdict for place, verdict in judge(rows, (QUERY, POSITIVE)).items()}
    assert 5 < len(outcome) < 60
    rng.shuffle(rows)
    assert {rows[place].id: verdict for place, verdict in judge(rows, (QUERY, POSITIVE)).items()} == outcome


def test_earlier_runs_come_first_and_own_rows_are_no_earlier_ones(tmp_path):
    index = Index(tmp_path)
    old, mine = row(id="old", query="one two three four five"), row(id="mine", query="six seven eight nine ten")
    index.put(["old"], {"query": [("old", "short_long", tokens(old.query))]})
    index.put(["mine"], {"query": [("mine", "short_long", tokens(mine.query))]})
    rows = [
        row(id="x", slot=0, query="one two three four six"),  # like the old one
        row(id="y", slot=1, query="one two seven four six"),  # like x alone, which goes
        mine,
        row(id="z", slot=2, query="six seven eight nine", positives=("other",)),  # like mine
    ]
    found = judge(rows, index=index, own=["x", "y", "mine", "z"])
    assert found == {
        0: ("known_duplicate", "query 0.80 like that of old of an earlier run"),
        3: ("near_duplicate", "query 0.89 like that of mine"),
    }


def test_what_passed_the_index_is_not_dropped_by_what_came_into_it_since(tmp_path):
    index = Index(tmp_path)
    for id_ in ("mine", "later"):  # two runs at once, neither of which saw the other
        index.put([id_], {"query": [(id_, "short_long", ["one", "two"])]})
    assert judge([row(id="mine", query="one two")], index=index, own=["mine"]) == {}
    assert judge([row(id="mine", query="one two")], index=index, own=[]) != {}


def test_rows_that_mean_the_same_go_by_their_family_s_threshold():
    def vector(*numbers):
        return np.array(numbers, np.float32)

    rows = [
        (row(id="a", slot=0, query="one"), vector(1, 0)),
        (row(id="b", slot=1, query="two"), vector(0.8, 0.6)),
        (row(id="c", slot=2, query="three", family="sts"), vector(1, 0)),
        (row(id="d", slot=3, query="four", family="sts"), vector(0.8, 0.6)),
    ]
    repeats = Repeats((), semantic=SemanticPolicy("m", 0.7, {"sts": 0.9}))
    for place, (each, numbers) in enumerate(rows):
        repeats.add(place, each, each.query, each.slot, numbers)
    assert {place: (verdict.reason, verdict.detail) for place, verdict in repeats.find().items()} == {
        1: ("semantic_duplicate", "query means 0.80 that of a")
    }


def test_rows_that_mean_what_one_of_an_earlier_run_does_go_and_own_ones_stay(tmp_path):
    index, policy = Index(tmp_path), SemanticPolicy("m", 0.7)
    for id_, numbers in (("old", (1, 0)), ("mine", (0, 1)), ("later", (0, 1))):
        table = vector_table([id_], ["short_long"], np.array([numbers], np.float32))
        index.put([id_], {"query": [(id_, "short_long", [id_])], kind(policy): table})
    vectors = {"a": (0.8, 0.6), "mine": (0, 1), "b": (0.6, 0.8), "c": (-1, 0)}
    repeats = Repeats((), index, policy)
    for place, (id_, numbers) in enumerate(vectors.items()):
        repeats.add(place, row(id=id_, query=id_), id_, place, np.array(numbers, np.float32))
    assert {place: (verdict.reason, verdict.detail) for place, verdict in repeats.find(own=[*vectors]).items()} == {
        0: ("semantic_duplicate", "query means 0.80 that of old of an earlier run"),
        2: ("semantic_duplicate", "query means 0.80 that of later of an earlier run"),
    }
