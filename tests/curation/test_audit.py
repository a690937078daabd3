import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.curation.audit import roc_area, separability

WORDS = [f"{a}{b}" for a in ("pump", "keel", "sail", "mast", "buoy") for b in ("er", "s", "ing", "ed", "man")]


def texts(count, ending="", seed=1):
    chance = random.Random(seed)
    return [" ".join(chance.choices(WORDS, k=30)) + ending for _ in range(count)]


@pytest.mark.parametrize(
    ("ending", "least", "most"), [(" In conclusion, it is fine.", 0.99, 1.0), ("", 0.3, 0.65)], ids=["style", "none"]
)
def test_style_is_found_where_there_is_one(ending, least, most):
    area = separability(texts(80, ending) + texts(80, seed=2), [True] * 80 + [False] * 80, [*range(80)] * 2)
    assert least <= area <= most


def test_a_group_is_never_on_both_sides():
    # every text comes four times under one label of chance: whoever saw it in training knows its label by heart
    chance = random.Random(3)
    labels = [chance.random() < 0.5 for _ in range(60)]
    repeated = [text for text in texts(60) for _ in range(4)]
    area = separability(repeated, [label for label in labels for _ in range(4)], [n // 4 for n in range(240)])
    assert area < 0.8


def test_many_negatives_beside_few_positives_and_one_label_alone():
    area = separability(texts(20, " Amen.") + texts(200, seed=2), [True] * 20 + [False] * 200, range(220))
    assert area > 0.95
    assert separability(texts(20), [True] * 20, range(20)) == 0.5


def test_the_same_texts_give_the_same_area():
    case = (texts(40, "!") + texts(40), [True] * 40 + [False] * 40, [*range(40)] * 2)
    assert separability(*case) == separability(*case)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2))
def test_the_area_is_the_chance_of_the_right_order(pairs):
    scores, truth = (np.array(column) for column in zip(*pairs, strict=True))
    high, low = scores[truth], scores[~truth]
    if len(high) and len(low):
        wins = [(one > other) + (one == other) / 2 for one in high for other in low]
        assert roc_area(scores.astype(float), truth) == pytest.approx(np.mean(wins))
