"""Count, in one pass, what a dataset card says about the rows."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from flows.domain.records import Row
from flows.publishing.figures import Figures
from flows.publishing.tasks import in_batch_name


@dataclass(frozen=True, slots=True)
class Group:
    """What the rows of one kind have in common."""

    instruction: str | None
    """None: they differ."""
    symmetric: bool

    def common(self, other: "Group") -> "Group":
        """Give what the rows of both have in common."""
        same = self.instruction == other.instruction
        return Group(self.instruction if same else None, self.symmetric and other.symmetric)


@dataclass(slots=True)
class Survey:
    """Counts over the rows that were seen, and a sample row of every family."""

    cells: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(family, language) -> rows; where query and documents differ, the language is `de → fr`."""
    languages_used: Counter[str] = field(default_factory=Counter)
    """Language code -> rows that have it on either side."""
    model_rows: Counter[str] = field(default_factory=Counter)
    prompt_rows: Counter[str] = field(default_factory=Counter)
    """Label of the prompt -> rows."""
    first: dict[str, Row] = field(default_factory=dict)
    """Family -> the first row seen, or the first whose query is English, which most readers of a card can judge."""
    recorded: int = 0
    """Rows whose reply was replayed."""
    groups: dict[str, Group] = field(default_factory=dict)
    """`in_batch_name` -> what its rows have in common."""
    figures: Figures = field(default_factory=Figures)
    tasks_before: int = 0
    """Tasks of earlier runs, counted run by run."""
    tasks_seen: set[str] = field(default_factory=set)

    def watch(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield the rows, counting them."""
        for row in rows:
            languages = tuple(dict.fromkeys((row.query_language, row.document_language)))
            self.cells[row.family, " → ".join(languages)] += 1
            self.languages_used.update(languages)
            self.model_rows[row.generator.model] += 1
            self.prompt_rows[row.generator.prompt] += 1
            sample = self.first.setdefault(row.family, row)
            if row.query_language == "en" != sample.query_language:
                self.first[row.family] = row
            self.recorded += row.generator.recorded
            name, group = in_batch_name(row), Group(row.instruction, row.symmetric)
            self.groups[name] = self.groups.get(name, group).common(group)
            self.figures.add(row)
            self.tasks_seen.add(row.task)
            yield row

    def plus(self, newer: "Survey") -> "Survey":
        """Give the counts of both; the samples are the newer's where it has them."""
        return Survey(
            self.cells + newer.cells,
            self.languages_used + newer.languages_used,
            self.model_rows + newer.model_rows,
            self.prompt_rows + newer.prompt_rows,
            self.first | newer.first,
            self.recorded + newer.recorded,
            {name: group.common(newer.groups.get(name, group)) for name, group in (newer.groups | self.groups).items()},
            self.figures.plus(newer.figures),
            self.tasks + newer.tasks,
        )

    @property
    def rows(self) -> int:
        """All rows."""
        return self.cells.total()

    @property
    def tasks(self) -> int:
        """Tasks, of a set that grew counted run by run."""
        return self.tasks_before + len(self.tasks_seen - {""})

    @property
    def models(self) -> Mapping[str, int]:
        """Model -> rows, the largest number first."""
        return _ranked(self.model_rows)

    @property
    def prompts(self) -> Mapping[str, int]:
        """Label of the prompt -> rows, the largest number first."""
        return _ranked(self.prompt_rows)

    @property
    def families(self) -> Mapping[str, int]:
        """Family -> rows, the largest number first."""
        return _ranked(self._margin(0))

    @property
    def languages(self) -> Mapping[str, int]:
        """Language, or query and document language, -> rows, the largest number first."""
        return _ranked(self._margin(1))

    @property
    def samples(self) -> list[Row]:
        """A row of every family, the largest family first."""
        return [self.first[family] for family in self.families]

    def largest(self, languages: int) -> Iterator[tuple[str, list[int]]]:
        """Yield language and rows of each family for the largest languages, and of all others together."""
        names = list(self.languages)
        for name in names[:languages]:
            yield name, [self.cells[family, name] for family in self.families]
        if rest := names[languages:]:
            sums = [sum(self.cells[family, name] for name in rest) for family in self.families]
            yield f"{len(rest)} more", sums

    def to_json(self) -> dict[str, Any]:
        """Give the counts as JSON-native values."""
        return {
            "cells": [[family, language, count] for (family, language), count in sorted(self.cells.items())],
            "languages": _ranked(self.languages_used),
            "models": self.models,
            "prompts": self.prompts,
            "first": {family: row.to_json() for family, row in self.first.items()},
            "recorded": self.recorded,
            "groups": {name: asdict(group) for name, group in sorted(self.groups.items())},
            "figures": self.figures.to_json(),
            "tasks": self.tasks,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Survey":
        """Build a survey from what `to_json` gave; raises KeyError, TypeError or ValueError."""
        return cls(
            Counter({(family, language): count for family, language, count in data["cells"]}),
            Counter(data["languages"]),
            Counter(data["models"]),
            Counter(data["prompts"]),
            {family: Row.from_json(row) for family, row in data["first"].items()},
            data["recorded"],
            {name: Group(**group) for name, group in data["groups"].items()},
            Figures.from_json(data["figures"]),
            data["tasks"],
        )

    def _margin(self, side: int) -> Counter[str]:
        margin: Counter[str] = Counter()
        for cell, count in self.cells.items():
            margin[cell[side]] += count
        return margin


def _ranked(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
