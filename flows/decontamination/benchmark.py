"""One benchmark as sets of hashes: its texts, and their runs of 8 and of 13 words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from flows.curation.near.arrays import starts
from flows.curation.tokens import tokens
from flows.decontamination.grams import hash_text, hash_words
from flows.decontamination.shelf import Shelf, ShelfBuilder

Kind = Literal["query", "document"]
SIZES = (8, 13)
"""Words in a run."""
EQUAL_WORDS = 4
"""Words from which a text equal to one of a benchmark is a leak; a query always is, to a query."""
_BATCH = 1024


@dataclass(frozen=True, slots=True)
class Counts:
    """What a benchmark holds."""

    queries: int
    documents: int


def build(folder: Path, texts: Iterable[tuple[Kind, str]], common: int, allow: Sequence[str] = ()) -> Counts:
    """Write the sets of a benchmark's texts into a folder; memory does not grow with them."""
    equal: dict[Kind, ShelfBuilder] = {"query": ShelfBuilder(), "document": ShelfBuilder()}
    runs = {size: ShelfBuilder() for size in SIZES}
    phrases = [words for phrase in allow if (words := tokens(phrase))]
    counts: dict[Kind, int] = {"query": 0, "document": 0}
    source = iter(texts)
    while batch := list(islice(source, _BATCH)):
        listed = [tokens(text) for _, text in batch]
        for (kind, _), words in zip(batch, listed, strict=True):
            counts[kind] += 1
            if words and (kind == "query" or len(words) >= EQUAL_WORDS):
                equal[kind].add(np.array([whole(words)], np.uint64))
        hashed = hash_words(listed)
        plain = hash_words([["0" if word.isdecimal() else word for word in words] for words in listed]).code
        allowed = _allowed(listed, phrases)
        for size, builder in runs.items():
            codes, first = hashed.runs(size)
            tells = _telling(plain, allowed, first, size)
            builder.add(_once_a_text(codes[tells], hashed.owner[first[tells]]))
    for kind, builder in equal.items():
        builder.write(folder / f"{kind}.npy", most=1 << 62)
    for size, builder in runs.items():
        builder.write(folder / f"runs-{size}.npy", common)
    return Counts(counts["query"], counts["document"])


def whole(words: Sequence[str]) -> int:
    """Hash a text as a whole, by its words."""
    return hash_text.__wrapped__(" ".join(words))


class Benchmark:
    """The sets of one benchmark, ready to be asked."""

    def __init__(self, folder: Path) -> None:
        self.queries = Shelf(folder / "query.npy")
        self.documents = Shelf(folder / "document.npy")
        self.runs = {size: Shelf(folder / f"runs-{size}.npy") for size in SIZES}


def _once_a_text(codes: NDArray[np.uint64], owners: NDArray[np.int64]) -> NDArray[np.uint64]:
    order = np.lexsort((codes, owners))
    codes, owners = codes[order], owners[order]
    again = (codes[1:] == codes[:-1]) & (owners[1:] == owners[:-1])
    once: NDArray[np.uint64] = codes[np.concatenate([np.ones(min(1, len(codes)), bool), ~again])]
    return once


def _telling(
    code: NDArray[np.uint64], allowed: NDArray[np.int64], first: NDArray[np.int64], size: int
) -> NDArray[np.bool_]:
    """Say of runs of words whether they tell anything: half of the words differ, and are in no allowed phrase.

    `code` has one value for all numbers, `allowed` the count of allowed words before each place.
    """
    if not len(first):
        return np.zeros(0, bool)
    ordered = np.sort(np.lib.stride_tricks.sliding_window_view(code, size)[first], axis=1)
    differ = 1 + (ordered[:, 1:] != ordered[:, :-1]).sum(axis=1)
    told: NDArray[np.bool_] = (2 * differ > size) & (2 * (allowed[first + size] - allowed[first]) < size)
    return told


def _allowed(listed: Sequence[Sequence[str]], phrases: Sequence[Sequence[str]]) -> NDArray[np.int64]:
    """Count the words before each place that are in one of the phrases."""
    marks: list[bool] = []
    for words in listed:
        marked = [False] * len(words)
        for phrase in phrases:
            for first in range(len(words) - len(phrase) + 1):
                if list(words[first : first + len(phrase)]) == list(phrase):
                    marked[first : first + len(phrase)] = [True] * len(phrase)
        marks += marked
    return starts(marks)
