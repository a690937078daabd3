"""What a stage asks, round by round: written down before the first request, so that a rerun asks just that.

A round is a run of shards with a plan file each; the round's own file is written after them and makes it valid.
The first rounds ask once for every slot, each being planned while the one before it is asked; later ones ask again for
the slots that curation left empty.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
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
    source, writer = iter(asks), _Writer(layout, stage, rows)
    while part := list(islice(source, shard_units)):
        writer.put(part)
    return writer.end()


class _Writer:
    """Writes the next round, shard by shard."""

    def __init__(self, layout: Layout, stage: str, rows: int) -> None:
        earlier = read_rounds(layout, stage)
        first = earlier[-1].first + earlier[-1].shards if earlier else 0
        self._layout, self._stage = layout, stage
        self._round = Round(len(earlier), first, 0, 0, rows)

    def put(self, part: Sequence[Ask]) -> None:
        """Plan one more shard."""
        planned = self._round
        write_lines(self._layout.plan(self._stage, planned.first + planned.shards), part)
        self._round = replace(planned, shards=planned.shards + 1, units=planned.units + len(part))

    def end(self) -> Round:
        """Make the round valid."""
        write_json(self._layout.round(self._stage, self._round.number), asdict(self._round))
        return self._round


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


def allowed(missing: Mapping[str, int], left: Mapping[str, int]) -> dict[str, int]:
    """Units of each family that `within_cap` lets pass."""
    return {family: min(count, left[family] // _calls(count, left[family])) for family, count in missing.items()}


def within_cap(units: Iterable[Unit], missing: Mapping[str, int], left: Mapping[str, int]) -> Iterator[Ask]:
    """Yield the units that the caps still allow, in order; `missing` counts the units of each family.

    A unit may be asked twice only where the family's cap holds if all of them are.
    """
    budget = dict(left)
    calls = {family: _calls(count, left[family]) for family, count in missing.items()}
    for unit in units:
        if budget[unit.family] >= calls[unit.family]:
            budget[unit.family] -= calls[unit.family]
            yield Ask(unit, calls[unit.family])


def _calls(count: int, left: int) -> int:
    return 2 if 2 * count <= left else 1


FIRST_ROUND = 512
LONGEST_ROUND = 16_384
"""Units of a round, or as many more as fill its last shard: the first of a run takes less than a tenth of a second, and
each later one has as many as all before it, so that planning it takes less time than asking for those."""
AT_ONCE = 8, 32
"""Units drawn before others have their turn: a quarter of a millisecond or, to make up for a late one, a whole one."""
BESIDE = 1 / 6
"""Share of the time that planning takes while others ask."""


class Planning:
    """Plans rounds while Prefect begins and earlier ones are asked, so that a big run starts as soon as a small one."""

    def __init__(self) -> None:
        self.units = 0
        """Units of all rounds, those still to be planned included."""
        self._asks: Iterator[Ask] = iter(())
        self._writer: Callable[[], _Writer]
        self._shard_units = 1
        self._first: tuple[int, asyncio.Task[Round | None]] | None = None
        self._awaited = False

    def begin(
        self,
        layout: Layout,
        stage: str,
        asks: Iterator[Ask],
        *,
        units: int,
        shard_units: int,
        rows: int,
        least: int = 0,
    ) -> int | None:
        """Begin to plan `units` units, the first round with at least so many; gives its number, None without units."""
        self.units, self._asks, self._shard_units = units, asks, shard_units
        if not units:
            return None
        self._writer = partial(_Writer, layout, stage, rows)
        number = len(read_rounds(layout, stage))
        self._first = number, asyncio.create_task(self._plan(max(FIRST_ROUND, least), self._draw_apart))
        return number

    async def planned(self, number: int) -> Round | None:
        """Give the first round when it is planned; None when the round of this number was there before."""
        return await self._first[1] if self._first and self._first[0] == number else None

    async def shards(self, planned: Round) -> AsyncGenerator[int, None]:
        """Give the shards of a round, and those of the rounds that are planned after it, meanwhile and bit by bit."""
        following: Round | None = planned
        units = 0
        while following:
            units += following.units
            self._awaited = False
            task = asyncio.create_task(self._plan(min(units, LONGEST_ROUND), self._draw_beside))
            try:
                for shard in following.numbers:
                    yield shard
                self._awaited = True
                following = await task
            finally:
                task.cancel()

    async def _plan(self, units: int, draw: Callable[[int], Awaitable[list[Ask]]]) -> Round | None:
        """Plan the next round, of whole shards."""
        writer: _Writer | None = None
        for _ in range(-(-units // self._shard_units)):
            if not (part := await draw(self._shard_units)):
                break
            writer = writer or self._writer()
            await asyncio.to_thread(writer.put, part)
        return writer.end() if writer else None

    async def _draw_apart(self, count: int) -> list[Ask]:
        """Draw while nothing is asked: Prefect begins its flow run, most of which is waiting."""
        return await asyncio.to_thread(lambda: list(islice(self._asks, count)))

    async def _draw_beside(self, count: int) -> list[Ask]:
        """Draw in a share of the time, which is that of those who ask, or without a break when they wait for it."""
        clock = asyncio.get_running_loop().time
        part: list[Ask] = []
        began = then = clock()
        spent = 0.0
        while few := list(islice(self._asks, min(AT_ONCE[0], count - len(part)))):
            part += few
            now = clock()
            spent += now - then
            pause = 0 if self._awaited else began + spent / BESIDE - now
            if pause >= 0 or not len(part) % AT_ONCE[1]:
                await asyncio.sleep(max(pause, 0))
            then = clock()
        return part
