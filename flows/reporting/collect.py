"""Read a run folder into what its report shows, streaming over the rows."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from flows.domain.languages import language
from flows.domain.records import Json
from flows.recipes.folder import read_recipe
from flows.reporting.data import Part, ReportData
from flows.reporting.holding import MOST_ACCEPTED, MOST_REJECTED, hold
from flows.reporting.spent import read_requests, read_sessions
from flows.reporting.statistics import Statistics
from flows.store.layout import Layout
from flows.store.ledger import read_accounts, read_benchmarks, read_ledger, read_warnings
from flows.store.manifest import read_manifest
from flows.store.quality import read_quality


def collect(layout: Layout, most_accepted: int = MOST_ACCEPTED, most_rejected: int = MOST_REJECTED) -> ReportData:
    """Read a run; the page will hold rows of about so many bytes, besides the twins of the duplicates it holds.

    Raises UsageError when there is no run, StoreError when a file is damaged.
    """
    manifest = read_manifest(layout)
    recipe = read_recipe(layout)
    holding = hold(layout, most_accepted, most_rejected)
    statistics = holding.statistics
    return ReportData(
        recipe=recipe.name,
        description=recipe.description,
        fingerprint=manifest["fingerprint"],
        target=recipe.rows,
        accepted=statistics.cells.total(),
        rejected=holding.rejected,
        recorded=statistics.recorded,
        crossing=statistics.crossing,
        ledger=tuple(read_ledger(layout)),
        families=_parts(statistics, 0, {name: family.share for name, family in recipe.families.items()}, recipe.rows),
        languages=_parts(statistics, 1, recipe.languages, recipe.rows),
        cells=_cells(statistics),
        lengths=statistics.lengths,
        hardness=statistics.hardness,
        overlaps=holding.overlaps,
        scores=statistics.scores,
        models=tuple(read_accounts(layout)),
        requests=read_requests(layout),
        sessions=read_sessions(layout),
        prompts=dict(sorted(statistics.prompts.items())),
        settings=dict(_flat(recipe.model_dump(mode="json", exclude_none=True))),
        twins=holding.twins,
        quality=read_quality(layout),
        warnings=tuple(read_warnings(layout)),
        benchmarks=tuple(account.to_json() for account in read_benchmarks(layout)),
        held=holding.held,
    )


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
