"""Keep a fixed number of calls going over a lazy input."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from contextlib import aclosing
from typing import TypeVar

Item = TypeVar("Item")


async def drain(work: Callable[[Item], Awaitable[None]], items: Iterable[Item], *, width: int) -> None:
    """Do `work` for every item, `width` at a time.

    The first error ends it and is raised, after what is under way has ended: a reply that is on its way is paid for.
    The first `width` items are under way from the beginning.
    """
    source = iter(items)
    failed: list[Exception] = []

    async def worker() -> None:
        for item in source:
            try:
                await work(item)
            except Exception as error:
                failed.append(error)
            if failed:
                return

    async with asyncio.TaskGroup() as group:
        for _ in range(width):
            group.create_task(worker())
    if failed:
        raise failed[0]


class Supply:
    """How many units of opened shards are unfinished, so that a further shard is opened when few are left.

    The slowest units of a shard then hold up nothing: others are open long before its end, as many as it takes.
    """

    def __init__(self) -> None:
        self._open: dict[int, int] = {}
        self._left = self._enough = 0
        self._door = asyncio.Lock()
        self._room = asyncio.Event()
        self._shut = False

    def begin(self, enough: int) -> None:
        """Start a round, in which shards are opened while fewer than `enough` units are unfinished."""
        self._open.clear()
        self._left, self._enough, self._shut = 0, enough, False

    async def open(self, shard: int, units: int) -> bool:
        """Wait in line until a shard of at most so many units is needed; False when none is any more."""
        async with self._door:
            while self._left >= self._enough and not self._shut:
                self._room.clear()
                await self._room.wait()
            self._open[shard] = units
            self._left += units
            return not self._shut

    def finish(self, shard: int) -> None:
        """Count a finished unit."""
        if self._open.get(shard):
            self._open[shard] -= 1
            self._take(1)

    def close(self, shard: int) -> None:
        """Count whatever is left of a shard as finished: it may have fewer units than was thought."""
        self._take(self._open.pop(shard, 0))

    def shut(self) -> None:
        """Open no further shard in this round."""
        self._shut = True
        self._room.set()

    def _take(self, units: int) -> None:
        self._left -= units
        if self._left < self._enough:
            self._room.set()


MOST_OPEN = 64
"""Shards that may be open at once; their rows are in memory."""


async def at_hand(shards: Iterable[int]) -> AsyncGenerator[int, None]:
    """Give shards that are all planned already."""
    for shard in shards:
        yield shard


async def drain_shards(
    work: Callable[[int], Awaitable[None]],
    shards: AsyncGenerator[int, None],
    supply: Supply,
    *,
    units: int,
    concurrency: int,
) -> None:
    """Do `work` for every shard of about so many units, enough of them at a time to keep all requests in flight.

    The first error ends it as in `drain`.
    """
    supply.begin(2 * concurrency)
    door = asyncio.Lock()
    over = False

    def turns() -> Iterator[None]:
        while not over:
            yield

    async def one(turn: None) -> None:
        nonlocal over
        async with door:
            shard = None if over else await anext(shards, None)
        if shard is None or not await supply.open(shard, units):
            over = True
            return
        try:
            await work(shard)
        except BaseException:
            supply.shut()
            raise
        finally:
            supply.close(shard)

    async with aclosing(shards):
        await drain(one, turns(), width=max(MOST_OPEN, 2 + 2 * concurrency // units))
