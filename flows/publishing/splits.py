"""Split rows so that nothing a model is tested on was trained on.

Rows are tied when they share a task, a source document or a text, and whatever is tied, directly or through others
(union-find), goes to one split. Which groups are held out follows from their content and the seed alone, never from the
order of the rows.
"""

import unicodedata
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TypeAlias

from flows.domain.records import GIVEN, Row
from flows.ids import digest
from flows.publishing.subsets import nearest_subset

TRAIN = "train"

Tie: TypeAlias = tuple[str, str]
"""What ties rows together: a kind (task, source document, text) and the folded content."""

Ties: TypeAlias = Callable[[Row], Iterable[Tie]]


def ties_of(row: Row) -> Iterator[Tie]:
    """Yield what no two splits may share: the task, the source document and the texts of a row.

    A negative that is a document of a corpus (it has a `doc_id`, or came with a data set made elsewhere) ties nothing:
    it was mined, other rows are free to mine it again, and as in any retrieval benchmark the corpus is common to both
    sides.
    """
    if row.task:
        yield "task", fold(row.task)
    if row.source_doc_id is not None:
        yield "source document", row.source_doc_id
    yield "text", fold(row.query)
    for positive in row.positives:
        yield "text", fold(positive.text)
        if positive.doc_id is not None:
            yield "source document", positive.doc_id
    for negative in row.negatives:
        if negative.doc_id is None and negative.origin != GIVEN:
            yield "text", fold(negative.text)


def unit_of(row: Row) -> str:
    """Give what of a row goes to one split as a whole: its task, or the row alone where it has none."""
    return fold(row.task) or row.id


def fold(text: str) -> str:
    """Give the form in which texts are compared: case, width and white space do not matter."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return " ".join(plain.casefold().split())


def assign_splits(
    rows: Iterable[Row],
    shares: Mapping[str, float],
    seed: int,
    ties: Ties = ties_of,
    pinned: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Choose a split for every task, or row without one; returns `unit_of` a row -> split, for `with_splits`.

    `shares` are the held-out splits, {"validation": 0.05}; what remains is the train split. A family's share is reached
    as nearly as whole groups allow; its last group always stays in train. `pinned` (folded task -> split) are tasks of
    earlier runs of a growing set: they keep their split, and what is tied to them follows.
    """
    pinned = pinned or {}
    groups = sorted(_groups(rows, ties), key=lambda group: digest(seed, group.name))
    chosen: dict[str, str] = {}
    families: dict[str, list[_Group]] = defaultdict(list)
    for group in groups:
        if known := [pinned[task] for task in group.tasks if task in pinned]:
            chosen |= {task: pinned.get(task, known[0]) for task in group.tasks}
        else:
            families[group.family].append(group)
    sizes = {name: sum(group.size for group in free) for name, free in families.items() if len(free) > 1}
    for split, share in shares.items():
        # shares of the whole, though the earlier splits have taken theirs
        goals = _goals({name: share * size for name, size in sizes.items()})
        for name, goal in goals.items():
            free = families[name]
            taken = nearest_subset([group.size for group in free], goal)
            for place in taken:
                chosen |= dict.fromkeys(free[place].tasks, split)
            families[name] = [group for place, group in enumerate(free) if place not in taken]
    return {task: chosen.get(task, TRAIN) for group in groups for task in group.tasks}


def with_splits(rows: Iterable[Row], splits: Mapping[str, str]) -> Iterator[Row]:
    """Yield the rows with their split filled in."""
    for row in rows:
        yield replace(row, split=splits[unit_of(row)])


def straddling(rows: Iterable[Row], ties: Ties = ties_of) -> list[str]:
    """Say which rows of different splits share a task, a source document or a text; nothing when there is no leak."""
    index = _Index()
    names: list[str] = []
    splits: list[str] = []
    for place, row in enumerate(rows):
        names.append(row.id)
        splits.append(row.split or TRAIN)
        index.add(place, ties(row))
    return sorted(
        f"{names[one]} ({splits[one]}) and {names[other]} ({splits[other]}) share a {kind}"
        for kind, one, other in index.shared()
        if splits[one] != splits[other]
    )


@dataclass(frozen=True, slots=True)
class _Group:
    """Tied tasks, which go to one split."""

    tasks: tuple[str, ...]
    """Folded, sorted."""
    family: str
    """The family that most of its rows are of."""
    size: int
    """Rows."""

    @property
    def name(self) -> str:
        return self.tasks[0]


class _Index:
    """Who has which tie, in 13 bytes a tie, since a run may have millions."""

    def __init__(self) -> None:
        self._hashes = array("Q")
        self._owners = array("I")
        self._kinds = array("B")
        self._names: dict[str, int] = {}

    def add(self, owner: int, ties: Iterable[Tie]) -> None:
        for kind, content in ties:
            number = self._names.setdefault(kind, len(self._names))
            # a lone surrogate, which a model may write, has no UTF-8 form
            key = blake2b(f"{kind}\n{content}".encode(errors="surrogatepass"), digest_size=8).digest()
            self._hashes.append(int.from_bytes(key, "little"))
            self._owners.append(owner)
            self._kinds.append(number)

    def shared(self) -> Iterator[tuple[str, int, int]]:
        """Yield kind and owners of neighbours in every chain of owners with the same tie."""
        import numpy as np

        hashes = np.frombuffer(self._hashes, dtype=self._hashes.typecode)
        owners = np.frombuffer(self._owners, dtype=self._owners.typecode)
        order = np.lexsort((owners, hashes))
        hashes, owners = hashes[order], owners[order]
        kinds = list(self._names)
        for place in np.flatnonzero((hashes[1:] == hashes[:-1]) & (owners[1:] != owners[:-1])):
            yield kinds[self._kinds[order[place]]], int(owners[place]), int(owners[place + 1])


def _groups(rows: Iterable[Row], ties: Ties) -> list[_Group]:
    tasks: dict[str, int] = {}
    sizes: dict[int, Counter[str]] = defaultdict(Counter)
    index = _Index()
    for row in rows:
        number = tasks.setdefault(unit_of(row), len(tasks))
        sizes[number][row.family] += 1
        index.add(number, ties(row))
    root = united(len(tasks), ((one, other) for _, one, other in index.shared()))
    members: dict[int, list[str]] = defaultdict(list)
    families: dict[int, Counter[str]] = defaultdict(Counter)
    for task, number in tasks.items():
        members[root[number]].append(task)
        families[root[number]].update(sizes[number])
    return [_group(members[number], families[number]) for number in members]


def _group(tasks: Iterable[str], families: Counter[str]) -> _Group:
    family = min(families, key=lambda name: (-families[name], name))
    return _Group(tuple(sorted(tasks)), family, families.total())


def united(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Give every one of `count` things the representative of all that it is tied to (union-find)."""
    parent = list(range(count))

    def find(thing: int) -> int:
        while parent[thing] != thing:
            parent[thing] = parent[parent[thing]]
            thing = parent[thing]
        return thing

    for one, other in pairs:
        parent[find(one)] = find(other)
    return [find(thing) for thing in range(count)]


def _goals(shares: Mapping[str, float]) -> dict[str, int]:
    """Round shares to whole rows whose sum is the rounded sum: the largest remainders are rounded up."""
    goals = {name: int(share) for name, share in shares.items()}
    missing = round(sum(shares.values())) - sum(goals.values())
    for name in sorted(shares, key=lambda name: (goals[name] - shares[name], name))[:missing]:
        goals[name] += 1
    return goals
