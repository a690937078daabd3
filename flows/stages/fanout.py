"""Keep a fixed number of calls going over a lazy input."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
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
                if signal := _signal_in(error):
                    raise signal from None
                failed.append(error)
            if failed:
                return

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(width):
                group.create_task(worker())
    except BaseExceptionGroup as stopped:
        # a signal, which Prefect raises wherever the process happens to be
        raise _first(stopped) from None
    if failed:
        raise failed[0]


def _signal_in(error: BaseException) -> BaseException | None:
    """Give the signal that an error hides: Prefect raises a ValueError where one meets a task run that just starts."""
    found: BaseException | None = error
    while isinstance(found, (Exception, asyncio.CancelledError, GeneratorExit)):
        found = found.__context__
    return found


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def shards_at_once(concurrency: int, shard_units: int) -> int:
    """Shards to work on together so that the slowest units of one leave no slot of the server idle."""
    return 2 + 2 * concurrency // shard_units
