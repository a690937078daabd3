"""How varied rows are: words, repeated turns of phrase, clusters of tasks."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Generic, TypeVar

import numpy as np

from flows.curation.near import NearPolicy, near_twins
from flows.curation.tokens import tokens
from flows.ids import digest

Item = TypeVar("Item")

SAMPLE = 1000
"""Rows of a cell that are looked at: distinct-n falls with the number of texts, so that only like numbers compare."""
SIZES = (1, 2, 3)
SHARED = 4
"""Words of a run that counts as a turn of phrase."""
CLUSTER = NearPolicy("rouge_l", 0.5, compare="task")
"""What makes two tasks one kind."""


@dataclass(frozen=True, slots=True)
class Variety:
    """How varied the texts of one side are."""

    texts: int
    distinct: tuple[float, ...]
    """Distinct runs of 1, 2 and 3 words per run (distinct-n, arXiv 1510.03055), over the texts together."""
    shared: float
    """Share of a text's runs of 4 words that another text has too, mean over texts: 0 when all are unlike."""


class Sampled(Generic[Item]):
    """Those of many things with the lowest digests of their ids: the same ones in whatever order they come."""

    def __init__(self, most: int = SAMPLE) -> None:
        self._most = most
        self._held: list[tuple[str, Item]] = []

    def add(self, id_: str, item: Item) -> None:
        """Take a thing if it is among the lowest."""
        self._held.append((digest(id_), item))
        if len(self._held) >= 2 * self._most:
            self._held = self._lowest()

    @property
    def items(self) -> list[Item]:
        """The sample."""
        return [item for _, item in self._lowest()]

    def _lowest(self) -> list[tuple[str, Item]]:
        return sorted(self._held, key=itemgetter(0))[: self._most]


def variety(texts: Sequence[str]) -> Variety:
    """Measure texts."""
    listed = [tokens(text) for text in texts]
    distinct = []
    for size in SIZES:
        runs = [run for words in listed for run in _runs(words, size)]
        distinct.append(round(len(set(runs)) / len(runs), 4) if runs else 0.0)
    owners = Counter(run for words in listed for run in {*_runs(words, SHARED)})
    shares = [np.mean([owners[run] > 1 for run in runs]) for words in listed if (runs := list(_runs(words, SHARED)))]
    return Variety(len(texts), tuple(distinct), round(float(np.mean(shares)), 4) if shares else 0.0)


def task_clusters(rows_by_task: Counter[str]) -> tuple[int, float]:
    """Give the number of kinds of tasks, and how evenly rows spread over tasks of different kinds.

    Evenness is the entropy of the rows' kinds divided by that of as many kinds as there are tasks: 1 when no two tasks
    are alike and all have as many rows; 0 when all are of one kind.
    """
    tasks = sorted(rows_by_task)
    twins = near_twins(tasks, CLUSTER, keys=range(len(tasks)))
    kinds: Counter[int] = Counter()
    for place, (task, twin) in enumerate(zip(tasks, twins, strict=True)):
        kinds[place if twin is None else twin.index] += rows_by_task[task]
    total = kinds.total()
    entropy = -sum(count / total * math.log2(count / total) for count in kinds.values())
    return len(kinds), round(abs(entropy) / math.log2(len(tasks)), 4) if len(tasks) > 1 else 0.0


def _runs(words: Sequence[str], size: int) -> Iterable[tuple[str, ...]]:
    return zip(*(words[start:] for start in range(size)), strict=False)
