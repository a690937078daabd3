"""End a flow in good order when its process is told to end."""

import asyncio
import functools
import signal
import threading
from collections.abc import Awaitable, Callable, Coroutine
from types import FrameType
from typing import Any, ParamSpec, TypeVar

from prefect.exceptions import TerminationSignal

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def run_to_end(flow: Coroutine[Any, Any, Result]) -> Result:
    """Run a flow; raises what it raises, and KeyboardInterrupt when SIGTERM ended it."""
    try:
        return asyncio.run(flow)
    except (TerminationSignal, asyncio.CancelledError):
        raise KeyboardInterrupt from None


def ends_on_sigterm(flow: Callable[Arguments, Awaitable[Result]]) -> Callable[Arguments, Coroutine[Any, Any, Result]]:
    """Have SIGTERM end the task a flow runs in, and all that waits in it; it raises Prefect's TerminationSignal then.

    Prefect's own handler, which each flow installs anew, raises wherever the process happens to be. Where that is a
    callback of the event loop, the loop logs and forgets it, and the run waits for a reply that nobody will read. Here
    only what the flow itself computes is interrupted; whatever it waits for is cancelled.
    """

    @functools.wraps(flow)
    async def ending(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        if threading.current_thread() is not threading.main_thread():
            return await flow(*args, **kwargs)  # signals are the main thread's
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None
        told = False

        def end(number: int, frame: FrameType | None) -> None:
            nonlocal told
            told = True
            if asyncio.current_task(loop) is task:
                raise TerminationSignal(number)
            loop.call_soon_threadsafe(task.cancel)

        before = signal.signal(signal.SIGTERM, end)
        try:
            return await flow(*args, **kwargs)
        except BaseException as error:
            # whatever came of it: Prefect, say, knows only a ValueError where a task run had just begun
            if told and not isinstance(error, TerminationSignal):
                raise TerminationSignal(signal.SIGTERM) from error
            raise
        finally:
            signal.signal(signal.SIGTERM, before)

    return ending
