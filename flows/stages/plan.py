"""What a stage asks, round by round: written down before the first request, so that a rerun asks just that.

A round is a run of shards with a plan file each; the round's own file is written after them and makes it valid.
The first round asks once for every slot; a later one asks again for the slots that curation left empty.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice

from flows.domain.units import Unit
from flows.store.jsonio import loads, read_lines, write_json, write_lines
from flows.store.layout import Layout
from flows.store.shards import sealed


@dataclass(frozen=True, slots=True)
class Ask:
    """One unit and how many calls it may cost: 2 when a bad reply may be asked for once more."""

    unit: Unit
    calls: int = 2


@dataclass(frozen=True, slots=True)
class Round:
    """The shards that are asked together."""

    number: int
    first: int
    """Number of its first shard."""
    shards: int
    units: int
    rows: int
    """Rows of the run when the round was planned."""

    @property
    def shard_units(self) -> int:
        """Units of a shard, of the last one at most."""
        return -(-self.units // self.shards)

    @property
    def numbers(self) -> range:
        """Numbers of its shards."""
        return range(self.first, self.first + self.shards)


def read_rounds(layout: Layout, stage: str) -> list[Round]:
    """Give the rounds that were planned so far."""
    paths = sorted(layout.stage(stage).glob("round-*.json"))
    return [Round(**loads(path.read_bytes())) for path in paths]


def stage_ids(layout: Layout, stage: str) -> set[str]:
    """Give the ids of all that a stage has made so far."""
    shards = [shard for planned in read_rounds(layout, stage) for shard in planned.numbers]
    paths = (path for shard in shards if (path := layout.rows(stage, shard)).exists())
    return {data["id"] for path in paths for data in read_lines(path)}


def write_round(layout: Layout, stage: str, asks: Iterable[Ask], *, shard_units: int, rows: int) -> Round:
    """Plan the next round."""
    earlier = read_rounds(layout, stage)
    first = earlier[-1].first + earlier[-1].shards if earlier else 0
    source = iter(asks)
    shards = units = 0
    while part := list(islice(source, shard_units)):
        write_lines(layout.plan(stage, first + shards), part)
        shards, units = shards + 1, units + len(part)
    planned = Round(len(earlier), first, shards, units, rows)
    write_json(layout.round(stage, planned.number), asdict(planned))
    return planned


def read_plan(layout: Layout, stage: str, shard: int) -> list[Ask]:
    """Give the units of one shard, in order."""
    return [Ask(Unit(**data["unit"]), data["calls"]) for data in read_lines(layout.plan(stage, shard))]


def requests_so_far(layout: Layout, stage: str) -> Counter[str]:
    """Requests by family of all sealed shards."""
    spent: Counter[str] = Counter()
    for planned in read_rounds(layout, stage):
        for shard in planned.numbers:
            tally = sealed(layout, stage, shard)
            spent.update(tally.requests if tally else {})
    return spent


def request_cap(rows: int, per_row: float, least: int = 8) -> int:
    """Most requests for a family of so many rows; a tiny family may still ask a few times."""
    return max(least, round(per_row * rows))


def within_cap(units: Iterable[Unit], missing: Mapping[str, int], left: Mapping[str, int]) -> Iterator[Ask]:
    """Yield the units that the caps still allow, in order; `missing` counts the units of each family.

    A unit may be asked twice only where the family's cap holds if all of them are.
    """
    budget = dict(left)
    calls = {family: 2 if 2 * count <= left[family] else 1 for family, count in missing.items()}
    for unit in units:
        if budget[unit.family] >= calls[unit.family]:
            budget[unit.family] -= calls[unit.family]
            yield Ask(unit, calls[unit.family])
