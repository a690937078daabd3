import random
from itertools import pairwise
from unicodedata import normalize
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flows.curation.near import NearPolicy, bags, join, near_pairs, near_twins, representatives
from flows.curation.near.arrays import mix
from flows.curation.near.corpus import read_texts
from flows.curation.near.search import search
from flows.curation.tokens import _patterns, tokens
from tests.curation.near_truth import TEXTS, THRESHOLDS, exhaustive, staying

POLICIES = st.one_of(
    st.builds(NearPolicy, st.sampled_from(["rouge_l", "token_set", "jaccard"]), THRESHOLDS),
    st.builds(NearPolicy, st.just("jaccard"), THRESHOLDS, st.integers(2, 4)),
)


@settings(deadline=None, max_examples=200)
@given(TEXTS, POLICIES, st.integers(1, 3))
@example(["", ".", "a"], NearPolicy("jaccard", 0.5, 3), 1)
@example(["a b c d e f g h i"] * 3 + ["b a c d e f g h i", "i h g f e d c b a"], NearPolicy("rouge_l", 8 / 9), 1)
def test_the_pairs_are_those_of_the_exhaustive_search(texts, policy, count):
    groups = [str(place % count) for place in range(len(texts))]
    found = near_pairs(texts, policy, groups=groups)
    pairs = zip(found.one.tolist(), found.other.tolist(), strict=True)
    assert dict(zip(pairs, found.similarity.tolist(), strict=True)) == exhaustive(texts, policy, groups)


@settings(deadline=None, max_examples=100)
@given(TEXTS, POLICIES, st.sampled_from([1, 3, 20]), st.sampled_from([0, 1, 1 << 20]))
def test_where_the_work_is_cut_changes_nothing(texts, policy, entries, candidates):
    with patch.multiple(join, _ENTRIES=entries, _CANDIDATES=candidates, _CANDIDATES_PER_SET=0):
        found = near_pairs(texts, policy)
    pairs = zip(found.one.tolist(), found.other.tolist(), strict=True)
    assert dict(zip(pairs, found.similarity.tolist(), strict=True)) == exhaustive(texts, policy, [""] * len(texts))


def crowd(seed):
    """Texts most of which are near to many others, and many of them equal."""
    rng = random.Random(seed)
    return [" ".join(rng.choices("abcd", k=rng.randint(3, 6))) for _ in range(rng.randint(10, 60))]


SHINGLED = st.builds(NearPolicy, st.just("jaccard"), THRESHOLDS, st.integers(1, 4))


@settings(deadline=None, max_examples=150)
@given(TEXTS | st.builds(crowd, st.integers(0, 1 << 20)), SHINGLED, st.sampled_from([1, 2, 10]), st.integers(1, 64))
def test_shingles_are_told_apart_by_their_words_whatever_their_hashes_are(texts, policy, shingles, kinds):
    def few(values):
        return mix(values) % np.uint64(kinds) << np.uint64(58)

    with patch.multiple(bags, _SHINGLES=shingles, mix=few):
        found = near_pairs(texts, policy)
    pairs = zip(found.one.tolist(), found.other.tolist(), strict=True)
    assert dict(zip(pairs, found.similarity.tolist(), strict=True)) == exhaustive(texts, policy)


def mixed_sizes(seed):
    """Texts of few words, short and long ones."""
    rng = random.Random(seed)
    return [" ".join(rng.sample("abcdefghijkl", rng.randint(1, 12))) for _ in range(rng.randint(10, 80))]


@settings(deadline=None, max_examples=150)
@given(
    st.builds(crowd, st.integers(0, 1 << 20)) | st.builds(mixed_sizes, st.integers(0, 1 << 20)),
    POLICIES.filter(lambda policy: policy.measure != "token_set"),
    st.sampled_from([-1, 0, 2]),
    st.booleans(),
)
def test_groups_split_again_and_again_give_the_same(texts, policy, worth, halved):
    corpus = read_texts(texts)
    half = len(texts) // 2 if halved else 0
    one, other = corpus.leading[corpus.leading >= half], corpus.leading[corpus.leading < half] if halved else None
    with patch.multiple(join, _WORTH=worth, _PATIENCE=1e9):
        parts = [*search(corpus, policy, one, other)]
    pairs = {tuple(sorted(pair)) for part in parts for pair in zip(part.one.tolist(), part.other.tolist(), strict=True)}
    leading = {*corpus.leading.tolist()}
    near = {(i, j) for i, j in exhaustive(texts, policy) if {i, j} <= leading and (not halved or i < half <= j)}
    assert pairs == near


def test_a_pair_that_shares_many_elements_is_looked_at_once():
    rows = [random.Random(seed).sample(range(400), 8) for seed in range(100)]
    corpus = read_texts(" ".join(map(str, row)) for row in [*rows, *(row[1:] for row in rows)])
    with patch.multiple(join, _ENTRIES=64, _CANDIDATES=0):
        parts = [*search(corpus, NearPolicy("rouge_l", 0.75), corpus.leading)]
    pairs = [pair for found in parts for pair in zip(found.one.tolist(), found.other.tolist(), strict=True)]
    assert len(pairs) == len({frozenset(pair) for pair in pairs}) >= 100


PARTS = st.fixed_dictionaries(
    {
        "_AT_ONCE": st.sampled_from([0, 3, 10, 1 << 14]),
        "_PART": st.sampled_from([2, 3]),
        "_MANY": st.sampled_from([0, 1, 4]),
        "_FEW_ROWS": st.sampled_from([1, 4, 2048]),
        "_PAIRS_PER_ROW": st.sampled_from([0, 1, 8]),
    }
)


@settings(deadline=None, max_examples=200)
@given(TEXTS | st.builds(crowd, st.integers(0, 1 << 20)), POLICIES, PARTS)
@example(  # the last text equals one that goes early, and its twin stays between the two
    ["a b c x y", "a b c d e", "a z c d e", "q", "a b c d e"],
    NearPolicy("rouge_l", 0.6),
    {"_AT_ONCE": 2, "_PART": 2, "_MANY": 0},
)
def test_a_text_goes_if_and_only_if_it_repeats_one_that_stays_and_comes_before_it(texts, policy, parts):
    with patch.multiple(representatives, **parts):
        twins = near_twins(texts, policy, keys=range(len(texts)))
    assert {place for place, twin in enumerate(twins) if twin is None} == staying(texts, policy, range(len(texts)))
    pairs = exhaustive(texts, policy)
    for place, twin in enumerate(twins):
        if twin is not None:
            near = {one: alike for (one, other), alike in pairs.items() if other == place and twins[one] is None}
            assert twin.similarity == max(near.values())
            assert twin.index == min(one for one, alike in near.items() if alike == twin.similarity)


@settings(deadline=None, max_examples=100)
@given(TEXTS, POLICIES, st.integers(0, 99), st.booleans())
def test_shuffling_changes_nothing(texts, policy, seed, keyed):
    keys = random.Random(seed).sample(range(100), len(texts)) if keyed else None
    order = random.Random(seed + 1).sample(range(len(texts)), len(texts))

    def outcome(order):
        given_keys = [keys[place] for place in order] if keys else None
        twins = near_twins([texts[place] for place in order], policy, keys=given_keys)
        return sorted(
            (texts[place], keys[place] if keys else "", twin and (texts[order[twin.index]], twin.similarity))
            for place, twin in zip(order, twins, strict=True)
            if keys or twin
        )

    assert outcome(range(len(texts))) == outcome(order)


def test_where_keys_are_equal_the_texts_decide():
    texts = ["b a c d", "a b c d", "d c b a"]
    policy = NearPolicy(threshold=0.7)
    kept = {text for text, twin in zip(texts, near_twins(texts, policy, keys=[1, 1, 0]), strict=True) if not twin}
    texts.reverse()
    again = near_twins(iter(texts), policy, keys=np.array([0, 1, 1]))
    assert kept == {text for text, twin in zip(texts, again, strict=True) if not twin} and len(kept) == 2


def test_a_chain_of_copies_keeps_what_is_unlike():
    chain = [" ".join(map(str, range(at, at + 10))) for at in range(0, 40, 2)]  # each is near to its neighbours alone
    twins = near_twins(chain, NearPolicy("rouge_l", 0.8), keys=range(len(chain)))
    assert [place for place, twin in enumerate(twins) if twin is None] == list(range(0, len(chain), 2))


@pytest.mark.parametrize("rows", [3000, 5000])
def test_more_pairs_than_are_held_at_once_give_the_same(rows):
    rng = random.Random(rows)
    texts = [" ".join(rng.choice("abc") for _ in range(9)) + f" {rng.randrange(20)}" for _ in range(rows)]
    policy = NearPolicy("rouge_l", 0.8)
    twins = near_twins(texts, policy, keys=range(rows))
    kept = [place for place, twin in enumerate(twins) if twin is None]
    found = near_pairs([texts[place] for place in kept], policy)
    assert len(found.one) == 0, "two that stay are near"
    assert all(twin is None or (twin.index < place and twins[twin.index] is None) for place, twin in enumerate(twins))
    assert len(kept) < rows / 3


def test_groups_and_keys_go_with_texts():
    with pytest.raises(ValueError, match="2 texts need as many groups, not 1"):
        near_twins(["a", "b"], NearPolicy(), groups=["x"])
    with pytest.raises(ValueError, match="2 texts need as many keys, not 1"):
        near_twins(["a", "b"], NearPolicy(), keys=[1])


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"measure": "cosine"}, "measure must be one of"),
        ({"threshold": 0}, "threshold must be above 0"),
        ({"threshold": 1.1}, "at most 1"),
        ({"shingle": 0}, "shingle must be at least 1"),
        ({"shingle": 3}, "shingle is for the measure jaccard"),
    ],
)
def test_an_odd_policy_is_refused(values, complaint):
    with pytest.raises(ValueError, match=complaint):
        NearPolicy(**values)


@given(st.text() | st.text("aZ9+$ _.\n\x1c|", max_size=20) | st.text("aéßσС水กา\u0301\u0e31+🙂 _.,ﬁ", max_size=20))
def test_the_fast_ways_to_cut_text_give_the_same(text):
    _, _, every = _patterns()
    folded = normalize("NFKC", normalize("NFKC", text).casefold())
    assert tokens(text) == every.findall(folded)


def cut(texts):
    corpus = read_texts(texts)
    return [*corpus.texts(np.arange(len(texts)))]


@settings(deadline=None)
@given(st.lists(st.text(max_size=8) | st.text("aZ9+$ _.\n\0|", max_size=20) | st.text("aéßσС水กา\u0301\u0e31+🙂 _.,ﬁ")))
def test_texts_cut_together_are_cut_as_each_alone(texts):
    assert cut(texts) == [tokens(text) for text in texts]


def test_every_character_is_cut_as_alone_whatever_stands_beside_it():
    chars = [chr(point) for point in [*range(0x20000), *range(0x2F800, 0x2FA20), 0x30000, 0xE0001, 0x10FFFF]]
    texts = [f"a{char}B{char}\u0301 {char}水{char}{char}" for char in chars]
    texts += [f"{one}{other}" for one, other in pairwise(chars)]
    assert cut(texts) == [tokens(text) for text in texts]
