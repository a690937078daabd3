"""Spread the shards of a stage over processes, where there is work enough to pay for starting them."""

import asyncio
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from prefect import Task
from prefect.task_runners import ProcessPoolTaskRunner

WORTH = 16_000_000
"""Bytes of rows below which one process is done before others have started."""


async def spread(
    task: Task[Any, Any], calls: Iterable[Mapping[str, Any]], processes: int, done: Callable[[], None]
) -> None:
    """Run the task once for each set of parameters and call `done` then; the first error is raised when all ended."""
    if processes < 2:
        for parameters in calls:
            await task(**parameters)
            done()
        return
    with ProcessPoolTaskRunner(max_workers=processes) as runner:
        futures = [runner.submit(task, dict(parameters)) for parameters in calls]
        for future in futures:
            await asyncio.to_thread(future.result)
            done()


def worthwhile(files: Iterable[Path], asked: int | None) -> int:
    """Say how many processes to use for files of rows: as many as asked for, or as there are cores, or one."""
    sizes = [path.stat().st_size for path in files]
    if sum(sizes) < WORTH:
        return 1
    return min(len(sizes), asked or len(os.sched_getaffinity(0)))


@cache
def end_with_parent() -> None:
    """Have a process of the pool end when the flow's process was killed; nothing in the flow's own process."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()
