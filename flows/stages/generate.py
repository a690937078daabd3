"""Write rows: the units of one shard, and the rounds that fill every slot of a run."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from flows.domain.records import Row
from flows.domain.units import Unit
from flows.errors import UsageError
from flows.ids import rng
from flows.prompting.ask import Answer
from flows.prompting.prompt import Prompt
from flows.recipes.draw import again, instance_units, run_units
from flows.recipes.rows import build_row
from flows.stages.asking import run_shard
from flows.stages.models import concurrency
from flows.stages.plan import (
    allowed,
    read_plan,
    read_rounds,
    request_cap,
    requests_so_far,
    within_cap,
)
from flows.stages.work import Work
from flows.store.shards import ShardTally

STAGE: Final = "generate"
PATIENCE = 4
"""Attempts with a slot's own variables; later ones borrow those of other slots of the family, a new one each time.

Keeping its variables keeps the recipe's shares, but some draws a model cannot serve at all, a language it does not
know, say: then the row itself matters more than its shares.
"""


async def generate_shard(work: Work, shard: int) -> ShardTally:
    """Write and seal the rows of one planned shard."""

    def rows(unit: Unit, key: str, prompt: Prompt, answer: Answer) -> Iterator[Row]:
        yield build_row(unit, prompt, answer.fields, answer.completions, key)

    return await run_shard(work, STAGE, shard, lambda unit: work.loaded.source(unit.family).prompt, rows)


@dataclass(frozen=True, slots=True)
class Slots:
    """Which slots of a run are filled: with an accepted row or, for `asked_slots`, with a first request."""

    filled: Mapping[str, bytearray]
    """Family -> one byte a slot, 1 when it is filled."""

    @classmethod
    def empty(cls, rows: Mapping[str, int]) -> "Slots":
        """Start with every slot of every family open."""
        return cls({family: bytearray(count) for family, count in rows.items()})

    def fill(self, family: str, slot: int) -> None:
        """Note that a slot is filled."""
        self.filled[family][slot] = 1

    @property
    def missing(self) -> Counter[str]:
        """Open slots by family, families without any left out."""
        counts = {family: len(slots) - sum(slots) for family, slots in self.filled.items()}
        return Counter({family: count for family, count in counts.items() if count})

    def is_open(self, unit: Unit) -> bool:
        """Whether the unit's slot still waits for a row."""
        return not self.filled[unit.family][unit.slot]


def plan_round(work: Work, tasks: Mapping[str, Sequence[str]], slots: Slots) -> int | None:
    """Have `work.planning` plan the asking of every open slot that the caps allow, beginning with the round it returns.

    Gives None when there is nothing left to ask.
    """
    missing = slots.missing
    if not missing:
        return None
    recipe = work.loaded.recipe
    spent = requests_so_far(work.layout, STAGE)
    left = {
        family: request_cap(count, recipe.limits.requests_per_row) - spent[family]
        for family, count in work.rows.items()
    }
    attempts = _attempts(work, slots.is_open)
    lent = _lent(work, tasks, attempts)
    units = (
        again(lent.get(place, unit), unit.slot, attempts[place] + 1)
        if (place := (unit.family, unit.slot)) in attempts
        else unit
        for unit in run_units(work.loaded, tasks, recipe.rows)
        if slots.is_open(unit)
    )
    units_left = sum(allowed(missing, left).values())
    return work.planning.begin(
        work.layout,
        STAGE,
        within_cap(units, missing, left),
        units=units_left,
        shard_units=recipe.shard_units,
        rows=recipe.rows,
        # a round is spread over worker processes once
        least=units_left if (recipe.shards.processes or 1) > 1 else 2 * concurrency(work.clients, recipe, STAGE),
    )


def asked_slots(work: Work) -> Slots:
    """Mark the slots that were asked for so far; when planning was cut short, others never were."""
    slots = Slots.empty(work.rows)
    for family, slot in _attempts(work, lambda unit: True):
        slots.fill(family, slot)
    return slots


def _lent(
    work: Work, tasks: Mapping[str, Sequence[str]], attempts: Mapping[tuple[str, int], int]
) -> dict[tuple[str, int], Unit]:
    """Find other slots' units for the slots whose own variables failed too often."""
    seed, rows = work.loaded.recipe.seed, work.rows
    lenders: dict[str, dict[int, list[int]]] = {}
    for (family, slot), attempt in attempts.items():
        if attempt + 1 >= PATIENCE:
            # beyond the family's own slots as well, since a tiny family has nobody else to borrow from
            lender = rng(seed, "lender", family, slot, attempt).randrange(rows[family] + 50)
            lenders.setdefault(family, {}).setdefault(lender, []).append(slot)
    lent: dict[tuple[str, int], Unit] = {}
    for family, slots in lenders.items():
        units = instance_units(work.loaded, work.loaded.source(family), tasks.get(family, ()))
        for unit in islice(units, max(slots) + 1):
            lent |= {(family, slot): unit for slot in slots.get(unit.slot, ())}
    return lent


def check_size(work: Work) -> None:
    """Raise UsageError when the folder was made for more rows than are asked for now."""
    rows = work.loaded.recipe.rows
    before = max((planned.rows for planned in read_rounds(work.layout, STAGE)), default=0)
    if before > rows:
        raise UsageError(
            f"{work.layout.root} was made for {before} rows, not {rows}: give --rows {before} or more, or another --out"
        )


def _attempts(work: Work, wanted: Callable[[Unit], bool]) -> dict[tuple[str, int], int]:
    """Last attempt of every slot that was asked for before and is still wanted."""
    attempts: dict[tuple[str, int], int] = {}
    for planned in read_rounds(work.layout, STAGE):
        for shard in planned.numbers:
            for ask in read_plan(work.layout, STAGE, shard):
                if wanted(ask.unit):
                    attempts[ask.unit.family, ask.unit.slot] = ask.unit.attempt
    return attempts
