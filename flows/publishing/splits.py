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

Earlier: TypeAlias = Callable[[Tie], str | None]
"""Gives the split in which earlier runs of a growing set have a tie, or None."""


def tie_key(tie: Tie) -> int:
    """Give a tie as 64 bits."""
    # a lone surrogate, which a model may write, has no UTF-8 form
    content = "\n".join(tie).encode(errors="surrogatepass")
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "little")


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
    earlier: Earlier | None = None,
) -> dict[str, str]:
    """Choose a split for every task, or row without one; returns `unit_of` a row -> split, for `with_splits`.

    `shares` are the held-out splits, {"validation": 0.05}; what remains is the train split. A family's share is reached
    as nearly as whole groups allow; its last group always stays in train. Of a set that grows, what `earlier` runs have
    keeps its split, and what is tied to it follows; rows that would tie two splits must not be among the rows.
    """
    groups = sorted(_groups(rows, ties, earlier), key=lambda group: digest(seed, group.name))
    chosen: dict[str, str] = {}
    families: dict[str, list[_Group]] = defaultdict(list)
    for group in groups:
        if group.split:
            chosen |= dict.fromkeys(group.tasks, group.split)
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


def bridging(rows: Iterable[Row], earlier: Earlier, ties: Ties = ties_of) -> set[str]:
    """Name the rows that would tie what earlier runs have in two splits; of two that do so together, the later."""
    nodes: dict[int, int] = {}
    parent: list[int] = []
    splits: list[str | None] = []
    found: set[str] = set()
    for row in rows:
        roots: set[int] = set()
        for tie in ties(row):
            node = nodes.setdefault(tie_key(tie), len(parent))
            if node == len(parent):
                parent.append(node)
                splits.append(earlier(tie))
            roots.add(_root(parent, node))
        sides = {splits[root] for root in roots} - {None}
        if len(sides) > 1:
            found.add(row.id)
            continue
        first = min(roots)
        for root in roots:
            parent[root] = first
        splits[first] = next(iter(sides), None)
    return found


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
    split: str | None
    """Where earlier runs have something of it."""

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
            self._hashes.append(tie_key((kind, content)))
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


def _groups(rows: Iterable[Row], ties: Ties, earlier: Earlier | None) -> list[_Group]:
    tasks: dict[str, int] = {}
    sizes: dict[int, Counter[str]] = defaultdict(Counter)
    known: dict[int, str] = {}
    index = _Index()
    for row in rows:
        number = tasks.setdefault(unit_of(row), len(tasks))
        sizes[number][row.family] += 1
        index.add(number, ties(row))
        if earlier:
            for split in filter(None, map(earlier, ties(row))):
                known[number] = split
    root = united(len(tasks), ((one, other) for _, one, other in index.shared()))
    members: dict[int, list[str]] = defaultdict(list)
    families: dict[int, Counter[str]] = defaultdict(Counter)
    splits = {root[number]: split for number, split in known.items()}
    for task, number in tasks.items():
        members[root[number]].append(task)
        families[root[number]].update(sizes[number])
    return [_group(members[number], families[number], splits.get(number)) for number in members]


def _group(tasks: Iterable[str], families: Counter[str], split: str | None) -> _Group:
    family = min(families, key=lambda name: (-families[name], name))
    return _Group(tuple(sorted(tasks)), family, families.total(), split)


def united(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Give every one of `count` things the representative of all that it is tied to (union-find)."""
    parent = list(range(count))
    for one, other in pairs:
        parent[_root(parent, one)] = _root(parent, other)
    return [_root(parent, thing) for thing in range(count)]


def _root(parent: list[int], thing: int) -> int:
    while parent[thing] != thing:
        parent[thing] = parent[parent[thing]]
        thing = parent[thing]
    return thing


def _goals(shares: Mapping[str, float]) -> dict[str, int]:
    """Round shares to whole rows whose sum is the rounded sum: the largest remainders are rounded up."""
    goals = {name: int(share) for name, share in shares.items()}
    missing = round(sum(shares.values())) - sum(goals.values())
    for name in sorted(shares, key=lambda name: (goals[name] - shares[name], name))[:missing]:
        goals[name] += 1
    return goals
