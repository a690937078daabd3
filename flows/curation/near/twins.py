"""One representative for every set of near-copies, whatever order the texts come in."""

from array import array
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.curation.near.arrays import blocks, flat_ranges
from flows.curation.near.corpus import Corpus, read_texts
from flows.curation.near.found import Found
from flows.curation.near.policy import NearPolicy
from flows.curation.near.representatives import Representatives


@dataclass(frozen=True, slots=True)
class Twin:
    """The kept text that a dropped one repeats."""

    index: int
    """Its place among the texts."""
    similarity: float


def near_twins(
    texts: Iterable[str],
    policy: NearPolicy,
    *,
    keys: Sequence[Any] | NDArray[Any] | None = None,
    groups: Iterable[Hashable] | None = None,
) -> list[Twin | None]:
    """Say for each text which kept text it repeats, or None for one that stays.

    A text goes if and only if it is a near-copy of one before it, in the order of `keys`, that stays; its twin is the
    most similar of those, the first of equals. So something of every set of near-copies stays, and which text that is
    does not depend on the order in which they are given. Keys are a row's own (its id, its place in a plan) and compare
    with each other; without them, and where two are equal, a digest of the text decides. `groups` has a name or number
    for each text; only texts of one group are compared. Texts are read once and only their words' numbers are held.
    Raises ValueError when there are not as many keys or groups as texts.
    """
    digests = array("Q")

    def digested() -> Iterator[str]:
        for text in texts:
            digests.frombytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())
            yield text

    order = np.zeros(0, np.int64)

    def ordered() -> NDArray[np.int64]:
        nonlocal order
        order = _order(np.frombuffer(digests, np.uint64), keys)
        return order

    corpus = read_texts(digested(), groups, ordered)
    best = _Best(corpus)
    chosen = Representatives(corpus, policy, corpus.leading)
    best.offer(Found(chosen.kept, chosen.kept, np.ones(len(chosen.kept))))
    for found in chosen.relations():
        best.offer(found)
    twins: list[Twin | None] = [None] * len(order)
    places = order.tolist()
    for place, (twin, similarity) in zip(places, best.twins(), strict=True):
        if similarity:
            twins[place] = Twin(places[twin], similarity)
    return twins


def _order(digests: NDArray[np.uint64], keys: Sequence[Any] | NDArray[Any] | None) -> NDArray[np.int64]:
    """Places of the texts by key, then by digest."""
    order = np.argsort(digests, kind="stable")
    if keys is None:
        return order
    if len(keys) != len(digests):
        raise ValueError(f"{len(digests)} texts need as many keys, not {len(keys)}")
    if isinstance(keys, np.ndarray):
        return order[np.argsort(keys[order], kind="stable")]
    return np.array(sorted(order.tolist(), key=keys.__getitem__), np.int64)


class _Best:
    """The best twin found so far for every row."""

    def __init__(self, corpus: Corpus) -> None:
        self._members, self._start = corpus.members()
        self._twin = np.zeros(len(corpus.leader), np.int64)
        self._similarity = np.zeros(len(corpus.leader))

    def offer(self, found: Found) -> None:
        """Take leading rows (`one`) and kept rows near to them (`other`), which rows equal to the former repeat too."""
        count = self._start[found.one + 1] - self._start[found.one]
        for some in blocks(count, 1 << 20):
            row = self._members[flat_ranges(self._start[found.one[some]], count[some])]
            twin = np.repeat(found.other[some], count[some])
            similarity = np.repeat(found.similarity[some], count[some])
            earlier = twin < row
            self._improve(row[earlier], twin[earlier], similarity[earlier])

    def _improve(self, row: NDArray[np.int64], twin: NDArray[np.int64], similarity: NDArray[np.float64]) -> None:
        """Keep the most similar twin of each row, the earliest of equals."""
        row = np.concatenate([row, row])
        twin = np.concatenate([twin, self._twin[row[: len(twin)]]])
        similarity = np.concatenate([similarity, self._similarity[row[: len(similarity)]]])
        order = np.lexsort((twin, -similarity, row))
        first = order[np.diff(row[order], prepend=-1) != 0]
        self._twin[row[first]] = twin[first]
        self._similarity[row[first]] = similarity[first]

    def twins(self) -> Iterator[tuple[int, float]]:
        """Give place and similarity of each row's twin; similarity 0 where there is none."""
        return zip(self._twin.tolist(), self._similarity.tolist(), strict=True)
