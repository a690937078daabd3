from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Indel

from flows.curation.near import NearPolicy, near_pairs, near_twins
from flows.curation.tokens import tokens

WORDS = st.sampled_from(["a", "b", "c", "boat", "pump", "水", "泵", "船", "बोट", "เรือ"])
TEXTS = st.lists(st.lists(WORDS, max_size=12).map(" ".join), max_size=25)
THRESHOLDS = st.sampled_from([0.5, 0.6, 2 / 3, 0.7, 0.8, 0.9, 1.0])


def exhaustive(texts, threshold, groups):
    words = [tokens(text) for text in texts]
    return {
        (i, j)
        for j in range(len(texts))
        for i in range(j)
        if groups[i] == groups[j]
        and (words[i] == words[j] or Indel.normalized_similarity(words[i], words[j]) >= threshold)
    }


@settings(deadline=None, max_examples=150)
@given(TEXTS, THRESHOLDS, st.integers(1, 3))
def test_the_pairs_are_those_of_the_exhaustive_search(texts, threshold, count):
    groups = [place % count for place in range(len(texts))]
    found = near_pairs(texts, NearPolicy("rouge_l", threshold), groups=groups)
    assert {*zip(found.one.tolist(), found.other.tolist(), strict=True)} == exhaustive(texts, threshold, groups)


@settings(deadline=None, max_examples=100)
@given(TEXTS, THRESHOLDS)
def test_a_text_goes_if_and_only_if_it_repeats_an_earlier_one_that_stays(texts, threshold):
    pairs = exhaustive(texts, threshold, [0] * len(texts))
    kept: list[int] = []
    for place in range(len(texts)):
        if not any((earlier, place) in pairs for earlier in kept):
            kept.append(place)
    twins = near_twins(texts, NearPolicy("rouge_l", threshold))
    assert [place for place, twin in enumerate(twins) if twin is None] == kept
    assert all(twin.index in kept and (twin.index, place) in pairs for place, twin in enumerate(twins) if twin)
