"""Figures of length and overlap by family, as a dataset card shows them; those of two runs add up."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flows.domain.records import Row

COLUMNS = ("query", "positives", "negatives")

PERCENT = ("overlap", "negative_like_positive")
"""Measures between 0 and 1: words of the query that a positive repeats; characters that a negative shares with it."""


@dataclass(frozen=True, slots=True)
class Line:
    """The figures of one family, as text."""

    family: str
    words: Mapping[str, str]
    """Column -> median of its words, and in brackets the range of the middle four fifths."""
    as_asked: str
    """Part of the texts that have the length asked for."""
    overlap: str
    negative_like_positive: str


@dataclass(slots=True)
class Figures:
    """Histograms over the rows that were seen."""

    counts: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    """`family/measure` -> value -> texts; lengths above 100 words are rounded to ten."""
    personal_data: int = 0
    """Rows in which an e-mail address, a phone number or a key was found."""

    def add(self, row: Row) -> None:
        """Count a row by what was measured on it; a row without measures counts nowhere."""
        words = row.measured.get("words")
        asked = row.requested.get("words")
        if isinstance(words, dict):
            for column in COLUMNS:
                lengths = words.get(column)
                bounds = asked.get(column) if isinstance(asked, dict) else None
                for length in lengths if isinstance(lengths, list) else []:
                    if isinstance(length, int):
                        self._count(row, column, _rounded(length))
                        if isinstance(bounds, list):
                            self._count(row, "as_asked", int(_within(length, bounds)))
        for measure in PERCENT:
            value = row.measured.get(measure)
            if isinstance(value, float | int) and (row.negatives or measure == "overlap"):
                self._count(row, measure, round(100 * value))
        self.personal_data += bool(row.measured.get("personal_data"))

    def plus(self, newer: "Figures") -> "Figures":
        """Give the figures of both."""
        counts: defaultdict[str, Counter[int]] = defaultdict(Counter)
        for side in (self, newer):
            for key, counter in side.counts.items():
                counts[key].update(counter)
        return Figures(counts, self.personal_data + newer.personal_data)

    def lines(self, families: Sequence[str]) -> Iterator[Line]:
        """Yield a line for each family that has figures."""
        for family in families:
            of = {measure: self.counts.get(f"{family}/{measure}", Counter()) for measure in (*COLUMNS, *PERCENT)}
            if not any(of.values()):
                continue
            asked = self.counts.get(f"{family}/as_asked", Counter())
            share = f"{round(100 * asked[1] / asked.total())} %" if asked else ""
            words = {column: _spread(of[column]) for column in COLUMNS}
            yield Line(family, words, share, *(_spread(of[measure], " %") for measure in PERCENT))

    def to_json(self) -> dict[str, Any]:
        """Give the figures as JSON-native values."""
        counts = {key: sorted(counter.items()) for key, counter in sorted(self.counts.items())}
        return {"counts": counts, "personal_data": self.personal_data}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Figures":
        """Build figures from what `to_json` gave; raises KeyError, TypeError or ValueError."""
        counts = {
            key: Counter({int(value): int(count) for value, count in pairs}) for key, pairs in data["counts"].items()
        }
        return cls(defaultdict(Counter, counts), int(data["personal_data"]))

    def _count(self, row: Row, measure: str, value: int) -> None:
        self.counts[f"{row.family}/{measure}"][value] += 1


def _rounded(length: int) -> int:
    return length if length <= 100 else round(length, -1)


def _within(length: int, bounds: Sequence[Any]) -> bool:
    low, high = bounds
    return (low is None or length >= low) and (high is None or length <= high)


def _spread(counter: Counter[int], unit: str = "") -> str:
    """Say the median and the tenth and ninetieth percentile."""
    if not counter:
        return ""
    low, middle, high = (_percentile(counter, part) for part in (0.1, 0.5, 0.9))
    return f"{middle}{unit}" if low == high else f"{middle}{unit} ({low}–{high})"


def _percentile(counter: Counter[int], part: float) -> int:
    seen, goal = 0, part * counter.total()
    for value in sorted(counter):
        seen += counter[value]
        if seen >= goal:
            return value
    raise ValueError("no value was counted")
