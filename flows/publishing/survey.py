"""Count, in one pass, what a dataset card says about the rows."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from flows.domain.records import Row


class Survey:
    """Counts over the rows that were seen, each from the largest down, and a sample row of every family."""

    def __init__(self) -> None:
        self._cells: Counter[tuple[str, str]] = Counter()
        self._models: Counter[str] = Counter()
        self._prompts: Counter[str] = Counter()
        self._samples: dict[str, Row] = {}
        self._codes: Counter[str] = Counter()
        self.recorded = 0
        """Rows whose reply was replayed."""

    def watch(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield the rows, counting them."""
        for row in rows:
            languages = tuple(dict.fromkeys((row.query_language, row.document_language)))
            self._cells[row.family, " → ".join(languages)] += 1
            self._codes.update(languages)
            self._models[row.generator.model] += 1
            self._prompts[row.generator.prompt] += 1
            self._samples.setdefault(row.family, row)
            self.recorded += row.generator.recorded
            yield row

    @property
    def codes(self) -> list[str]:
        """Codes of all languages."""
        return list(_ranked(self._codes))

    @property
    def models(self) -> Mapping[str, int]:
        """Model -> rows."""
        return _ranked(self._models)

    @property
    def prompts(self) -> Mapping[str, int]:
        """Label of the prompt -> rows."""
        return _ranked(self._prompts)

    @property
    def families(self) -> Mapping[str, int]:
        """Family -> rows."""
        return _ranked(self._margin(0))

    @property
    def languages(self) -> Mapping[str, int]:
        """Language, or query and document language, -> rows."""
        return _ranked(self._margin(1))

    @property
    def samples(self) -> list[Row]:
        """The first row of every family."""
        return [self._samples[family] for family in self.families]

    def count(self, family: str, language: str) -> int:
        """Rows of a family in a language."""
        return self._cells[family, language]

    def _margin(self, side: int) -> Counter[str]:
        margin: Counter[str] = Counter()
        for cell, count in self._cells.items():
            margin[cell[side]] += count
        return margin


def _ranked(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
