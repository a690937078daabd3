"""A flow that SIGTERM meets, wherever it is."""

import asyncio
import gc
import os
import signal
from collections.abc import Iterator

import pytest
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName

from flows.ending import ends_on_sigterm, run_to_end

pytestmark = [
    pytest.mark.usefixtures("prefect_api", "ctrl_c"),
    # Ctrl-C ends the loop at once, and Prefect's connections with it
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
STUCK = 60


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """SIGTERM ends the process as Ctrl-C does: what the command line sees to."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield
    signal.signal(signal.SIGTERM, before)
    gc.collect()


def end_this() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


async def reply_that_never_comes() -> None:
    await asyncio.wait_for(asyncio.Event().wait(), STUCK)


def state_of(name: str) -> str:
    async def ask() -> str:
        async with get_client() as client:
            wanted = FlowRunFilter(name=FlowRunFilterName(any_=[name]))
            (run,) = await client.read_flow_runs(flow_run_filter=wanted)  # unfiltered, only the first 200 come
            return run.state_name

    return asyncio.run(ask())


def test_in_a_callback_while_it_waits():
    told = []

    @flow(flow_run_name="in a callback")
    @ends_on_sigterm
    async def waits() -> None:
        # Prefect's handler would raise in this callback, and the loop would go on
        asyncio.get_running_loop().call_later(0.2, end_this)
        try:
            await reply_that_never_comes()
        except asyncio.CancelledError:
            told.append("cancelled")
            raise

    with pytest.raises(KeyboardInterrupt):
        run_to_end(waits())
    assert told == ["cancelled"]
    assert state_of("in a callback") == "Crashed"


def test_while_it_computes():
    @flow
    @ends_on_sigterm
    async def computes() -> None:
        end_this()
        raise AssertionError("went on")

    with pytest.raises(KeyboardInterrupt):
        run_to_end(computes())


def test_in_a_task_of_an_inner_flow_with_others_beside_it():
    ended = []

    @task
    async def asks(number: int) -> None:
        try:
            if number == 2:
                end_this()
            await reply_that_never_comes()
        finally:
            ended.append(number)

    @flow
    @ends_on_sigterm
    async def inner() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(3):
                group.create_task(asks(number))

    @flow
    @ends_on_sigterm
    async def outer() -> None:
        await inner()
        raise AssertionError("went on")

    with pytest.raises(KeyboardInterrupt):
        run_to_end(outer())
    assert sorted(ended) == [0, 1, 2]


def test_an_error_on_the_way_out_hides_nothing():
    @flow
    @ends_on_sigterm
    async def clumsy() -> None:
        asyncio.get_running_loop().call_later(0.2, end_this)
        try:
            await reply_that_never_comes()
        except asyncio.CancelledError:
            raise ValueError("met in the midst of something") from None

    with pytest.raises(KeyboardInterrupt):
        run_to_end(clumsy())


def test_without_a_signal_nothing_changes():
    @flow
    @ends_on_sigterm
    async def fails(value: int) -> None:
        raise ValueError(value)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ValueError, match="7"):
        run_to_end(fails(value=7))
    assert signal.getsignal(signal.SIGTERM) is before
