"""One representative for every set of near-copies, by order alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from flows.curation.near.pairs import near_pairs
from flows.curation.near.policy import NearPolicy


@dataclass(frozen=True, slots=True)
class Twin:
    """The kept text that a dropped one repeats."""

    index: int
    similarity: float


def near_twins(
    texts: Sequence[str], policy: NearPolicy, *, groups: Sequence[int] | None = None
) -> list[Twin | None]:
    """Say for each text which kept text it repeats, or None for one that stays.

    A text goes if and only if it is a near-copy of an earlier text that stays; its twin is the most similar of those,
    the earliest of equals. So the outcome follows from the order of the texts alone, and something of every set of
    near-copies stays. `groups` holds a number for each text; only texts of one group are compared.
    """
    pairs = near_pairs(texts, policy, groups=groups)
    earlier: dict[int, list[tuple[float, int]]] = {}
    for one, other, similarity in zip(
        pairs.one.tolist(), pairs.other.tolist(), pairs.similarity.tolist(), strict=True
    ):
        earlier.setdefault(other, []).append((similarity, -one))
    found: list[Twin | None] = [None] * len(texts)
    for place in sorted(earlier):
        kept = [(similarity, minus) for similarity, minus in earlier[place] if found[-minus] is None]
        if kept:
            similarity, minus = max(kept)
            found[place] = Twin(-minus, similarity)
    return found
