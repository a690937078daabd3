"""Count, row by row, what the page's figures show; memory grows with kinds, never with rows."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from flows.curation.tokens import tokens
from flows.domain.records import Row
from flows.reporting.data import Hardness, Length, Overlap, Scores, Spread

Asked = tuple[str, str, int, int | None]
"""Family, column, least and most words."""


@dataclass(slots=True)
class Statistics:
    """Counts over the accepted rows that were seen."""

    cells: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(family, language of the query) -> rows."""
    prompts: Counter[str] = field(default_factory=Counter)
    recorded: int = 0
    crossing: int = 0
    words: defaultdict[Asked, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    """What was asked for -> words of a text -> texts."""
    alike: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    """Family -> tenth -> rows."""
    scored: defaultdict[str, tuple[Counter[int], Counter[int]]] = field(
        default_factory=lambda: defaultdict(lambda: (Counter(), Counter()))
    )
    """Scorer -> tenth -> texts, positives and negatives apart."""

    def watch(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield the rows, counting them."""
        for row in rows:
            self.cells[row.family, row.query_language] += 1
            self.prompts[row.generator.prompt] += 1
            self.recorded += row.generator.recorded
            self.crossing += row.query_language != row.document_language
            self._add_words(row)
            if row.negatives:
                self.alike[row.family][_tenth(_number(row.measured.get("negative_like_positive")))] += 1
            for side, texts in enumerate((row.positives, row.negatives)):
                for text in texts:
                    for scorer, score in text.scores.items():
                        self.scored[scorer][side][_tenth(score)] += 1
            yield row

    def _add_words(self, row: Row) -> None:
        asked: Any = row.requested.get("words") or {}
        found: Any = row.measured.get("words") or {}
        for column, counts in found.items():
            low, high = asked.get(column) or (0, None)
            self.words[row.family, column, low, high].update(counts)

    @property
    def lengths(self) -> tuple[Length, ...]:
        """What was asked for and found, in the order of families, columns and bounds."""
        columns = ("query", "positives", "negatives")
        order = sorted(
            self.words.items(),
            key=lambda item: (
                item[0][0],
                columns.index(item[0][1]),
                item[0][2:4] != (0, None),
                item[0][2],
                item[0][3] or 0,
            ),
        )
        return tuple(_length(asked, counts) for asked, counts in order if counts)

    @property
    def hardness(self) -> tuple[Hardness, ...]:
        """Similarity of negatives and positives, by family."""
        return tuple(Hardness(family, counts.total(), _tenths(counts)) for family, counts in sorted(self.alike.items()))

    @property
    def scores(self) -> tuple[Scores, ...]:
        """What scorers gave, by scorer."""
        return tuple(Scores(name, _tenths(pos), _tenths(neg)) for name, (pos, neg) in sorted(self.scored.items()))


class Overlaps:
    """Mean share of the query's words in documents, by family; of rows that have both kinds of document."""

    def __init__(self) -> None:
        self._sums: defaultdict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0.0])

    def add(self, row: Row) -> None:
        """Count one row."""
        if not row.positives or not row.negatives or row.query_language != row.document_language:
            return
        if query := tokens(row.query):
            sums = self._sums[row.family]
            sums[0] += 1
            for side, texts in enumerate((row.positives, row.negatives), start=1):
                sums[side] += sum(_share(query, text.text) for text in texts) / len(texts)

    @property
    def by_family(self) -> tuple[Overlap, ...]:
        """What was counted."""
        return tuple(
            Overlap(family, int(rows), round(positives / rows, 4), round(negatives / rows, 4))
            for family, (rows, positives, negatives) in sorted(self._sums.items())
        )


def spread(counts: Counter[int]) -> Spread:
    """Give the quantiles of numbers that are counted by value; at least one is there."""
    values = sorted(counts)
    total = counts.total()

    def at(share: float) -> int:
        reached = 0
        for value in values:
            reached += counts[value]
            if reached >= share * total:
                return value
        return values[-1]

    return Spread(values[0], at(0.1), at(0.5), at(0.9), values[-1])


def _length(asked: Asked, counts: Counter[int]) -> Length:
    family, column, low, high = asked
    shorter = sum(count for words, count in counts.items() if words < low)
    longer = sum(count for words, count in counts.items() if high is not None and words > high)
    return Length(family, column, low, high, counts.total(), shorter, longer, spread(counts))


def _share(query: list[str], text: str) -> float:
    present = set(tokens(text))
    return sum(word in present for word in query) / len(query)


def _number(value: Any) -> float:
    return float(value or 0)


def _tenth(value: float) -> int:
    return max(0, min(9, int(value * 10)))


def _tenths(counts: Counter[int]) -> tuple[int, ...]:
    return tuple(counts[tenth] for tenth in range(10))
