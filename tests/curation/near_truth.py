"""What is near by definition: every pair looked at, with rapidfuzz or with sets."""

from hypothesis import strategies as st
from rapidfuzz.distance import Indel
from rapidfuzz.fuzz import token_set_ratio

from flows.curation.tokens import tokens

WORDS = st.sampled_from(["a", "b", "c", "boat", "boats", "pump", "水", "泵", "船", "बोट", "เรือ", "naïve", "+", "🙂"])
LETTERS = st.text("ab水泵 เรอืกा+-.ÀÉßﬁ🙂\u200b", max_size=12)
TEXTS = st.lists(st.lists(WORDS, max_size=12).map(" ".join) | LETTERS, max_size=25)
THRESHOLDS = st.sampled_from([0.5, 0.6, 2 / 3, 0.7, 0.8, 0.9, 1.0])


def similarity(one, other, policy):
    """Similarity of two texts, each cut into words anew."""
    here, there = tokens(one), tokens(other)
    if here == there:
        return 1.0
    if policy.measure == "rouge_l":
        return Indel.normalized_similarity(here, there)
    if policy.measure == "token_set":
        return token_set_ratio(" ".join(here), " ".join(there)) / 100
    left, right = shingles(here, policy.shingle), shingles(there, policy.shingle)
    return len(left & right) / len(left | right)


def shingles(words, size):
    return {tuple(words[at : at + size]) for at in range(max(len(words) - size + 1, min(len(words), 1)))}


def exhaustive(texts, policy, groups=None):
    """Places (lower, higher) of all near pairs of one group -> similarity."""
    found = {}
    for j in range(len(texts)):
        for i in range(j):
            if groups is None or groups[i] == groups[j]:
                if (alike := similarity(texts[i], texts[j], policy)) >= policy.threshold:
                    found[i, j] = alike
    return found


def staying(texts, policy, order):
    """Places of the texts that stay when each is held against those before it, in the given order."""
    kept: list[int] = []
    for place in order:
        if not any(similarity(texts[place], texts[earlier], policy) >= policy.threshold for earlier in kept):
            kept.append(place)
    return {*kept}
