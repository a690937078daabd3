"""Curate rows: measure one shard, then decide over all of them which stay.

Measuring is dear and depends on the row alone; deciding is cheap and depends on the thresholds. So the measures are
written down once, and a changed threshold decides anew without measuring.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from flows.curation.exact import exact_twins
from flows.curation.measure import measure
from flows.curation.near import NearPolicy, near_twins
from flows.curation.normalize import fold_text
from flows.curation.rules import decide
from flows.domain.ledger import StageTally
from flows.domain.records import Row
from flows.domain.units import Dropped
from flows.stages import generate
from flows.stages.generate import Slots
from flows.stages.plan import read_rounds
from flows.stages.work import Work
from flows.store.jsonio import read_lines, write_lines
from flows.store.layout import Layout
from flows.store.shards import read_rows, so_far

STAGE = "curate"


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
    failed: dict[int, tuple[str, str]] = {}
    texts = _Texts()
    for place, row in enumerate(_measured(work, shards)):
        verdict = decide(row, row.measured, work.loaded.recipe.curate)
        if verdict.keep:
            texts.add(place, row)
        else:
            failed[place] = (verdict.reason or "rejected", verdict.detail)
    failed |= texts.twins(NearPolicy(measure="rouge_l", threshold=work.loaded.recipe.curate.near_query))
    return _write(work, shards, failed)


class _Texts:
    """The texts of the rows that passed the rules, for the search for twins."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, str, str, str, str]] = []
        """Place, id, group, key of equality, query."""

    def add(self, place: int, row: Row) -> None:
        group = f"{row.family} {row.query_language}"
        key = f"{row.family}\n{fold_text(row.query)}\n{fold_text(row.positives[0].text)}"
        self._rows.append((place, row.id, group, key, row.query))

    def twins(self, policy: NearPolicy) -> dict[int, tuple[str, str]]:
        """Place -> reason and detail of every row that repeats an earlier one."""
        found: dict[int, tuple[str, str]] = {}
        for row, twin in zip(self._rows, exact_twins([row[3] for row in self._rows]), strict=True):
            if twin is not None:
                found[row[0]] = ("duplicate", f"same query and positive as {self._rows[twin][1]}")
        rest = [row for row in self._rows if row[0] not in found]
        near = near_twins((row[4] for row in rest), policy, keys=range(len(rest)), groups=(row[2] for row in rest))
        for row, close in zip(rest, near, strict=True):
            if close is not None:
                found[row[0]] = ("near_duplicate", f"query {close.similarity:.2f} like that of {rest[close.index][1]}")
        return found


def _write(work: Work, shards: Sequence[int], failed: dict[int, tuple[str, str]]) -> Curated:
    slots = Slots.empty(work.rows)
    models: dict[str, Counter[str]] = {}
    place = -1
    for shard in shards:
        kept: list[Row] = []
        dropped: list[Dropped] = []
        for row in _measured(work, [shard]):
            place += 1
            reason, detail = failed.get(place, ("", ""))
            models.setdefault(row.generator.entry, Counter())[reason] += 1
            if reason:
                dropped.append(Dropped(row.id, reason, detail, row.to_json()))
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
