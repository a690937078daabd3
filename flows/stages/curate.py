"""Curate rows: measure one shard, then decide over all of them which stay.

Measuring is dear and depends on the row alone; deciding is cheap and depends on the thresholds. So the measures are
written down once, and a changed threshold decides anew without measuring.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from flows.curation.measure import measure
from flows.curation.normalize import fold_text
from flows.curation.rules import Verdict, decide
from flows.domain.ledger import StageTally
from flows.domain.records import Row
from flows.domain.units import Dropped
from flows.ids import digest
from flows.stages import generate
from flows.stages.generate import Slots
from flows.stages.plan import read_rounds, stage_ids
from flows.stages.repeats import Repeats
from flows.stages.work import Work
from flows.store.jsonio import read_lines, write_lines
from flows.store.layout import Layout
from flows.store.shards import read_rows, so_far

STAGE = "curate"
KEPT = Verdict()


@dataclass(frozen=True, slots=True)
class Curated:
    """What curation left."""

    slots: Slots
    tally: StageTally
    models: Mapping[str, Counter[str]]
    """Name of a recipe's entry `[[llm]]` -> reason -> rows; those that stay are counted under the empty reason."""


def generated_shards(work: Work) -> list[int]:
    """Numbers of the shards that hold rows to curate, those of a stopped run that are not finished included."""
    shards = [shard for planned in read_rounds(work.layout, generate.STAGE) for shard in planned.numbers]
    return [shard for shard in shards if so_far(work.layout, generate.STAGE, shard)]


def accepted_rows(work: Work) -> Iterator[Row]:
    """Yield the rows that curation left so far."""
    shards = generated_shards(work)
    return read_rows(work.layout, STAGE, (shard for shard in shards if work.layout.rows(STAGE, shard).exists()))


def unmeasured(work: Work) -> list[int]:
    """Numbers of the shards whose rows are still to be measured, or were written anew since."""
    return [shard for shard in generated_shards(work) if not _is_measured(work.layout, shard)]


def _is_measured(layout: Layout, shard: int) -> bool:
    scores = layout.scores(STAGE, shard)
    return scores.exists() and scores.stat().st_mtime_ns >= layout.rows(generate.STAGE, shard).stat().st_mtime_ns


def measure_shard(work: Work, shard: int) -> None:
    """Write the measures of one shard's rows."""
    rows = read_rows(work.layout, generate.STAGE, [shard])
    write_lines(work.layout.scores(STAGE, shard), (measure(row) for row in rows))


def decide_all(work: Work) -> Curated:
    """Give every row one verdict and write what stays and what goes; the earlier of two twins stays."""
    shards = generated_shards(work)
    policy = work.loaded.recipe.curate
    repeats = Repeats(policy.near, work.index)
    failed: dict[int, Verdict] = {}
    for place, row in enumerate(_measured(work, shards)):
        verdict = decide(row, row.measured, policy)
        if verdict.keep:
            repeats.add(place, row, _twin_key(row), place)
        else:
            failed[place] = verdict
    return _write(work, shards, failed | repeats.find(stage_ids(work.layout, generate.STAGE) if work.index else ()))


def _twin_key(row: Row) -> str:
    """Give what rows with the same query and the same positive have in common."""
    return digest(row.family, fold_text(row.query), fold_text(row.positives[0].text), size=32)


def _write(work: Work, shards: Sequence[int], failed: Mapping[int, Verdict]) -> Curated:
    slots = Slots.empty(work.rows)
    models: dict[str, Counter[str]] = {}
    place = -1
    for shard in shards:
        kept: list[Row] = []
        dropped: list[Dropped] = []
        for row in _measured(work, [shard]):
            place += 1
            verdict = failed.get(place, KEPT)
            models.setdefault(row.generator.entry, Counter())[verdict.reason or ""] += 1
            if verdict.reason:
                dropped.append(Dropped(row.id, verdict.reason, verdict.detail, row.to_json()))
            else:
                kept.append(row)
                slots.fill(row.family, row.slot)
        write_lines(work.layout.dropped(STAGE, shard), dropped)
        write_lines(work.layout.rows(STAGE, shard), kept)
    reasons = sum(models.values(), Counter())
    entered, out = reasons.total(), reasons.pop("", 0)
    return Curated(slots, StageTally(STAGE, entered=entered, out=out, dropped=reasons), models)


def _measured(work: Work, shards: Iterable[int]) -> Iterator[Row]:
    """Yield every row with its measures filled in."""
    for shard in shards:
        measures = read_lines(work.layout.scores(STAGE, shard))
        for row, measured in zip(read_rows(work.layout, generate.STAGE, [shard]), measures, strict=True):
            yield replace(row, measured=measured)
