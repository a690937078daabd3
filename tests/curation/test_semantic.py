import random
from importlib.util import find_spec
from unittest.mock import patch

import numpy as np
import pytest

from flows.curation import semantic
from flows.curation.semantic import SemanticPolicy, encode_texts, open_encoder, semantic_twins
from flows.errors import UsageError


class Letters:
    """Counts letters: a text and its anagram say the same."""

    def encode(self, texts):
        return np.array([[text.count(letter) for letter in "abcdefgh"] for text in texts], np.float32)


def words(count, seed):
    rng = random.Random(seed)
    return ["".join(rng.choices("abcdefgh", k=rng.randint(1, 9))) for _ in range(count)]


def by_definition(vectors, thresholds, order, groups):
    kept, twins = [], {}
    for row in order:
        alike = {other: float(vectors[row] @ vectors[other]) for other in kept if groups[other] == groups[row]}
        if alike and max(alike.values()) >= thresholds[groups[row]] - 1e-6:
            twins[row] = max(alike.values())
        else:
            kept.append(row)
    return twins


@pytest.mark.parametrize("seed", range(5))
def test_blocks_give_what_looking_at_every_pair_gives(seed):
    texts = words(150, seed)
    groups = [("x", "y")[place % 2] for place in range(len(texts))]
    vectors = encode_texts(Letters(), texts)
    thresholds = {"x": 0.9011, "y": 0.7511}  # no two of these rows are as near as that, to the last bit
    with patch.object(semantic, "_BLOCK", (16, 8)):
        twins = semantic_twins(vectors, thresholds, keys=range(len(texts)), groups=groups)
    truth = by_definition(vectors, thresholds, range(len(texts)), groups)
    assert {place for place, twin in enumerate(twins) if twin} == {*truth}
    assert 20 < len(truth) < 150
    for place, similarity in truth.items():
        twin = twins[place]
        assert twin.index < place and twins[twin.index] is None and groups[twin.index] == groups[place]
        assert twin.similarity == pytest.approx(similarity, abs=1e-6)


def test_shuffling_changes_nothing():
    texts = [*dict.fromkeys(words(120, 9))]
    order = random.Random(1).sample(range(len(texts)), len(texts))

    def staying(order):
        rows = [texts[place] for place in order]
        vectors = encode_texts(Letters(), rows)
        twins = semantic_twins(vectors, {"": 0.9}, keys=rows, groups=[""] * len(rows))
        return {row for row, twin in zip(rows, twins, strict=True) if twin is None}

    assert staying(range(len(texts))) == staying(order)


def test_texts_are_encoded_in_batches_to_length_one_and_nothing_stays_nothing(monkeypatch):
    monkeypatch.setattr(semantic, "_BATCH", 2)
    vectors = encode_texts(Letters(), iter(["ab", "b", "zz", "aaa", "h"]))
    assert np.linalg.norm(vectors, axis=1).tolist() == pytest.approx([1, 1, 0, 1, 1])
    twins = semantic_twins(vectors[[2, 2]], {"": 0.5}, keys=[0, 1], groups=["", ""])
    assert twins == [None, None]
    assert semantic_twins(encode_texts(Letters(), []), {}, keys=[], groups=[]) == []


def test_families_have_thresholds_of_their_own():
    policy = SemanticPolicy("m", families={"sts": 0.99})
    assert (policy.threshold_of("sts"), policy.threshold_of("short_long")) == (0.99, 0.95)
    with pytest.raises(ValueError, match="sts must be above 0"):
        SemanticPolicy("m", families={"sts": 0})


@pytest.mark.skipif(find_spec("sentence_transformers") is not None, reason="says what to install where it is missing")
def test_without_the_library_one_line_says_what_to_install():
    with pytest.raises(UsageError, match=r"triplesmith\[dense\]"):
        open_encoder("any")
