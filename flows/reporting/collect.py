"""Read a run folder into what its report shows, streaming over the rows."""

import tomllib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from flows.domain.languages import language
from flows.domain.records import Json, Row
from flows.domain.units import Dropped
from flows.errors import UsageError
from flows.recipes.model import Recipe
from flows.reporting import shown
from flows.reporting.data import Part, ReportData
from flows.reporting.sample import is_chosen, of_every_kind
from flows.reporting.spent import read_requests
from flows.reporting.statistics import Statistics, overlaps
from flows.store.jsonio import read_lines
from flows.store.layout import Layout
from flows.store.ledger import read_accounts, read_ledger
from flows.store.manifest import read_manifest

MOST_ACCEPTED = 2000
MOST_REJECTED = 500
"""Rows that the page holds; a browser stays quick with them, and the page says how many of how many it holds."""
STAGES = ("brainstorm", "generate", "curate")
"""Stages that drop something, in their order."""


def collect(layout: Layout, most_accepted: int = MOST_ACCEPTED, most_rejected: int = MOST_REJECTED) -> ReportData:
    """Read a run; the page will hold at most so many accepted rows, besides the twins of the duplicates it holds.

    Raises UsageError when there is no run, StoreError when a file is damaged.
    """
    manifest = read_manifest(layout)
    recipe = _read_recipe(layout)
    reasons = Counter(map(_kind, _dropped(layout)))
    chosen = of_every_kind(_dropped(layout), _kind, reasons, most_rejected)
    rejected = [shown.rejected(stage, dropped) for stage, dropped in chosen]
    twins = {id_ for row in rejected for id_ in shown.named_rows(row)}
    statistics = Statistics()
    accepted = _choose(statistics.watch(_accepted(layout)), _count_lines(_shards(layout)), most_accepted, twins)
    return ReportData(
        recipe=recipe.name,
        description=recipe.description,
        fingerprint=manifest["fingerprint"],
        target=recipe.rows,
        accepted=statistics.cells.total(),
        rejected=reasons.total(),
        recorded=statistics.recorded,
        crossing=statistics.crossing,
        ledger=tuple(read_ledger(layout)),
        families=_parts(statistics, 0, {name: family.share for name, family in recipe.families.items()}, recipe.rows),
        languages=_parts(statistics, 1, recipe.languages, recipe.rows),
        cells=_cells(statistics),
        lengths=statistics.lengths,
        hardness=statistics.hardness,
        overlaps=overlaps(accepted),
        scores=statistics.scores,
        models=tuple(read_accounts(layout)),
        requests=read_requests(layout),
        prompts=dict(sorted(statistics.prompts.items())),
        settings=dict(_flat(recipe.model_dump(mode="json", exclude_none=True))),
        rows=(*map(shown.accepted, accepted), *rejected),
    )


def _read_recipe(layout: Layout) -> Recipe:
    try:
        return Recipe.model_validate(tomllib.loads(layout.recipe.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise UsageError(f"{layout.root}: no run there (run.toml is missing)") from None


def _shards(layout: Layout) -> list[Path]:
    return sorted(layout.stage("curate").glob("shard-*.jsonl"))


def _accepted(layout: Layout) -> Iterator[Row]:
    return (Row.from_json(data) for path in _shards(layout) for data in read_lines(path))


def _dropped(layout: Layout) -> Iterator[tuple[str, Dropped]]:
    for stage in STAGES:
        for path in sorted(layout.stage(stage).glob("dropped-*.jsonl")):
            for data in read_lines(path):
                yield stage, Dropped(**data)


def _kind(entry: tuple[str, Dropped]) -> str:
    stage, dropped = entry
    return f"{stage} {dropped.reason}"


def _choose(rows: Iterator[Row], total: int, most: int, wanted: Collection[str]) -> list[Row]:
    """Run through all rows; keep `most` of them at even distances, and those that are wanted."""
    quota = min(most, total)
    return [row for place, row in enumerate(rows) if is_chosen(place, quota, total) or row.id in wanted]


def _count_lines(paths: list[Path]) -> int:
    count = 0
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                count += block.count(b"\n")
    return count


def _parts(statistics: Statistics, side: int, shares: Mapping[str, float], rows: int) -> tuple[Part, ...]:
    """Rows by family (side 0) or language (side 1), the most frequent first."""
    counts: Counter[str] = Counter(dict.fromkeys(shares, 0))
    for cell, count in statistics.cells.items():
        counts[cell[side]] += count
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        Part(key, language(key).name if side else key, count, round(shares.get(key, 0) * rows, 2))
        for key, count in ordered
    )


def _cells(statistics: Statistics) -> dict[str, dict[str, int]]:
    cells: dict[str, dict[str, int]] = {}
    for (family, code), count in sorted(statistics.cells.items()):
        cells.setdefault(family, {})[code] = count
    return cells


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, Json]]:
    if isinstance(value, dict) and value:
        for name, member in value.items():
            yield from _flat(member, f"{key}.{name}" if key else name)
    else:
        yield key, value
