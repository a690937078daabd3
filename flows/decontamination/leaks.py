"""Measure what rows share with benchmarks, and decide which rows are leaks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flows.curation.leak_policy import LeakPolicy
from flows.curation.rules import Verdict
from flows.curation.tokens import tokens
from flows.decontamination.benchmark import EQUAL_WORDS, SIZES, Benchmark, whole
from flows.decontamination.grams import Words, hash_words
from flows.domain.records import Row

SHORT, LONG = SIZES
LEAST_RUNS = 3
"""Runs of 8 words that a text must have for their share to say anything."""
REASON = "benchmark:"
"""Begins the reasons of leaks; the benchmark's name follows, so that the ledger counts by benchmark."""


@dataclass(frozen=True, slots=True)
class Leak:
    """What one text of a row shares with one benchmark."""

    benchmark: str
    column: str
    """query, positives or negatives."""
    equal: bool = False
    """Whether it is a text of the benchmark."""
    grams_13: int = 0
    """Runs of 13 words that it shares."""
    grams_8: float = 0.0
    """Share of its runs of 8 words; 0 when it has fewer than three."""
    near: float = 0.0
    """ROUGE-L F1 of the query that is nearest, 0 below 0.7."""
    cosine: float = 0.0
    """Cosine of the query that is nearest by the recipe's encoder, 0 below 0.7 and without one."""


def find_leaks(rows: Sequence[Row], benchmarks: Mapping[str, Benchmark]) -> Iterator[list[Leak]]:
    """Yield for each row what its texts share with benchmarks, by name; near-copies are searched elsewhere."""
    owner: list[int] = []
    columns: list[str] = []
    listed: list[list[str]] = []
    for place, row in enumerate(rows):
        for column, text in _texts(row):
            owner.append(place)
            columns.append(column)
            listed.append(tokens(text))
    words = hash_words(listed)
    wholes = np.array([whole(text) for text in listed], np.uint64)
    found: list[list[Leak]] = [[] for _ in rows]
    for name, benchmark in benchmarks.items():
        for at, leak in _against(name, benchmark, words, wholes, columns):
            found[owner[at]].append(leak)
    yield from found


def leak_verdict(leaks: Sequence[Leak], policy: LeakPolicy) -> Verdict:
    """Judge a row by its leaks; the first that counts gives the reason."""
    for leak in leaks:
        if leak.equal:
            return Verdict(REASON + leak.benchmark, f"{leak.column}: equals a text of {leak.benchmark}")
        if leak.near >= policy.near:
            said = f"{leak.near:.2f} like a query of {leak.benchmark}, below {policy.near:g} wanted"
            return Verdict(REASON + leak.benchmark, f"{leak.column}: {said}")
        if leak.cosine >= policy.cosine:
            said = f"means what a query of {leak.benchmark} does by {leak.cosine:.2f}, below {policy.cosine:g} wanted"
            return Verdict(REASON + leak.benchmark, f"{leak.column}: {said}")
        if leak.grams_13 >= policy.grams_13:
            said = f"{leak.grams_13} runs of 13 words of {leak.benchmark}, below {policy.grams_13} wanted"
            return Verdict(REASON + leak.benchmark, f"{leak.column}: {said}")
        if leak.grams_8 >= policy.grams_8:
            said = f"{leak.grams_8:.0%} of its runs of 8 words in {leak.benchmark}, below {policy.grams_8:.0%} wanted"
            return Verdict(REASON + leak.benchmark, f"{leak.column}: {said}")
    return Verdict()


def _texts(row: Row) -> Iterator[tuple[str, str]]:
    yield "query", row.query
    for column, texts in (("positives", row.positives), ("negatives", row.negatives)):
        for text in texts:
            yield column, text.text


def _against(
    name: str, benchmark: Benchmark, words: Words, wholes: NDArray[np.uint64], columns: Sequence[str]
) -> Iterator[tuple[int, Leak]]:
    """Yield place and leak of every text that shares something with a benchmark."""
    length = np.diff(words.start)
    is_query = np.array([column == "query" for column in columns], bool)
    long_enough = length >= EQUAL_WORDS
    equal = benchmark.queries.holds(wholes) & (length > 0) & (is_query | long_enough)
    equal |= benchmark.documents.holds(wholes) & long_enough
    shared: dict[int, NDArray[np.int64]] = {}
    for size in SIZES:
        codes, first = words.runs(size)
        hits = first[benchmark.runs[size].holds(codes)]
        shared[size] = np.bincount(words.owner[hits], minlength=len(columns))
    runs = np.maximum(length - SHORT + 1, 0)
    share = np.where(runs >= LEAST_RUNS, shared[SHORT] / np.maximum(runs, 1), 0.0)
    for at in np.flatnonzero(equal | (shared[LONG] > 0) | (share > 0)).tolist():
        yield at, Leak(name, columns[at], bool(equal[at]), int(shared[LONG][at]), round(float(share[at]), 4))
