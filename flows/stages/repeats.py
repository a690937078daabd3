"""Which rows repeat others of the set or of earlier runs: equal ones, near-copies, others that mean the same."""

from array import array
from collections.abc import Collection, Hashable, Iterator, Sequence
from typing import Any

import numpy as np

from flows.curation.near import NearPolicy, near_twins
from flows.curation.policy import SHARED_QUERY
from flows.curation.rules import Verdict
from flows.curation.semantic import SemanticPolicy, Vectors, semantic_twins
from flows.domain.records import Row
from flows.index.index import Index
from flows.index.meanings import kind
from flows.index.rows import compared


class Repeats:
    """Takes rows that the rules let pass, one by one, then judges them all; of each it holds the texts compared."""

    def __init__(
        self, policies: Sequence[NearPolicy], index: Index | None = None, semantic: SemanticPolicy | None = None
    ) -> None:
        """Compare by each policy in turn and, given an index, with earlier runs first; last by vectors, if at all."""
        self._policies = policies
        self._index = index
        self._semantic = semantic
        self._vectors: list[Vectors] = []
        self._ids: list[str] = []
        self._places = array("q")
        self._keys: list[Hashable] = []
        self._queries: list[Hashable] = []
        self._order: list[Any] = []
        self._groups: list[str] = []
        self._texts: list[list[str]] = [[] for _ in policies]

    def add(
        self,
        place: int,
        row: Row,
        key: Hashable,
        order: Any,
        vector: Vectors | None = None,
        query: Hashable = None,
    ) -> None:
        """Take a row; rows with one key are equal, and of two that repeat each other the one lower in order stays.

        Rows with one `query` that is not None ask the same: with other answers they are each other's false negatives.

        The order is a row's own: its place in the run's plan, so that later rows never displace earlier ones, or, where
        rows have none, something of their content, so that shuffling them changes nothing.
        """
        self._ids.append(row.id)
        self._places.append(place)
        self._keys.append(key)
        self._queries.append(query)
        self._order.append(order)
        self._groups.append(row.family)
        for policy, texts in zip(self._policies, self._texts, strict=True):
            texts.append(compared(row, policy.compare))
        if vector is not None:
            self._vectors.append(vector)

    def find(self, own: Collection[str] = ()) -> dict[int, Verdict]:
        """Give place -> verdict of every row that goes; `own` are the ids of all rows of this run.

        Rows of this run that are in the index have passed it, and what came into it since does not drop them.
        Something of every set of near-copies stays, here or in an earlier run. With several policies a twin may itself
        go by a later one, naming its own twin.
        """
        found = dict(self._equal())
        found |= self._shared(found)
        if self._index is not None:
            for number in range(len(self._policies)):
                found |= self._known(self._index, number, found, own)
        for number in range(len(self._policies)):
            found |= self._near(number, found)
        if self._semantic is not None and self._vectors:
            if self._index is not None:
                found |= self._known_meanings(self._index, self._semantic, found, own)
            found |= self._alike(self._semantic, found)
        return {self._places[at]: verdict for at, verdict in found.items()}

    def _equal(self) -> Iterator[tuple[int, Verdict]]:
        first: dict[Hashable, int] = {}
        for at in sorted(range(len(self._ids)), key=self._order.__getitem__):
            twin = first.setdefault(self._keys[at], at)
            if twin != at:
                yield at, Verdict("duplicate", f"same query and positive as {self._ids[twin]}")

    def _shared(self, found: Collection[int]) -> dict[int, Verdict]:
        """Find rows that ask what another asks and have another answer."""
        first: dict[Hashable, int] = {}
        rest = (at for at in range(len(self._ids)) if at not in found and self._queries[at] is not None)
        return {
            at: Verdict(SHARED_QUERY, f"same query as {self._ids[twin]}, with another positive")
            for at in sorted(rest, key=self._order.__getitem__)
            if (twin := first.setdefault(self._queries[at], at)) != at
        }

    def _unsettled(self, index: Index, held: str, found: Collection[int], own: Collection[str]) -> list[int]:
        """Give the rows left that the index does not hold as own ones: those have passed it."""
        settled = index.held(held, own)
        return [at for at, id_ in enumerate(self._ids) if at not in found and id_ not in settled]

    def _known(self, index: Index, number: int, found: Collection[int], own: Collection[str]) -> dict[int, Verdict]:
        policy, texts = self._policies[number], self._texts[number]
        rest = self._unsettled(index, policy.compare, found, own)
        known = index.find((texts[at] for at in rest), policy, (self._groups[at] for at in rest), own)
        name = policy.compare.replace("_", " and ")
        return {
            at: Verdict("known_duplicate", f"{name} {twin.similarity:.2f} like that of {twin.id} of an earlier run")
            for at, twin in zip(rest, known, strict=True)
            if twin
        }

    def _near(self, number: int, found: Collection[int]) -> dict[int, Verdict]:
        policy, texts = self._policies[number], self._texts[number]
        rest = [at for at in range(len(self._ids)) if at not in found]
        keys, groups = [self._order[at] for at in rest], (self._groups[at] for at in rest)
        near = near_twins((texts[at] for at in rest), policy, keys=keys, groups=groups)
        name = policy.compare.replace("_", " and ")
        return {
            at: Verdict("near_duplicate", f"{name} {twin.similarity:.2f} like that of {self._ids[rest[twin.index]]}")
            for at, twin in zip(rest, near, strict=True)
            if twin
        }

    def _known_meanings(
        self, index: Index, policy: SemanticPolicy, found: Collection[int], own: Collection[str]
    ) -> dict[int, Verdict]:
        rest = self._unsettled(index, kind(policy), found, own)
        vectors = np.stack([self._vectors[at] for at in rest]) if rest else np.zeros((0, 0), np.float32)
        known = index.find_meanings(vectors, policy, [self._groups[at] for at in rest], own)
        name = policy.compare.replace("_", " and ")
        return {
            at: Verdict("semantic_duplicate", f"{name} means {twin[1]:.2f} that of {twin[0]} of an earlier run")
            for at, twin in zip(rest, known, strict=True)
            if twin
        }

    def _alike(self, policy: SemanticPolicy, found: Collection[int]) -> dict[int, Verdict]:
        rest = [at for at in range(len(self._ids)) if at not in found]
        if not rest:
            return {}
        groups = [self._groups[at] for at in rest]
        thresholds = {family: policy.threshold_of(family) for family in {*groups}}
        vectors = np.stack([self._vectors[at] for at in rest])
        twins = semantic_twins(vectors, thresholds, keys=[self._order[at] for at in rest], groups=groups)
        name = policy.compare.replace("_", " and ")
        return {
            at: Verdict(
                "semantic_duplicate", f"{name} means {twin.similarity:.2f} that of {self._ids[rest[twin.index]]}"
            )
            for at, twin in zip(rest, twins, strict=True)
            if twin
        }
