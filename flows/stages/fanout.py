"""Keep a fixed number of calls going over a lazy input."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")


async def drain(work: Callable[[Item], Awaitable[None]], items: Iterable[Item], *, width: int) -> None:
    """Do `work` for every item, `width` at a time; the first error stops the rest and is raised as it is."""
    source = iter(items)

    async def worker() -> None:
        for item in source:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(width):
                group.create_task(worker())
    except BaseExceptionGroup as errors:
        raise _first(errors) from None


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def shards_at_once(concurrency: int, shard_units: int) -> int:
    """Shards to work on together so that the slowest units of one leave no slot of the server idle."""
    return 2 + 2 * concurrency // shard_units
