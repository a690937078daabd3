import asyncio

import pytest

from flows.stages.fanout import drain


async def test_every_item_is_done_and_no_more_than_the_width_at_a_time():
    running, most, done = 0, 0, []

    async def work(item):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        done.append(item)

    await drain(work, range(20), width=3)
    assert (sorted(done), most) == ([*range(20)], 3)


async def test_the_first_error_ends_it_after_what_is_under_way():
    finished = []

    async def work(item):
        if item == 2:
            raise ValueError("no")
        await asyncio.sleep(0.01)
        finished.append(item)

    with pytest.raises(ValueError, match="no"):
        await drain(work, range(100), width=3)
    assert sorted(finished) == [0, 1]


async def test_one_slow_item_holds_up_nothing_else():
    release, done = asyncio.Event(), []

    async def work(item):
        if item == 0:
            await release.wait()
        done.append(item)
        if len(done) == 9:
            release.set()

    await asyncio.wait_for(drain(work, range(10), width=2), 5)
    assert done == [*range(1, 10), 0]


async def test_a_signal_that_an_error_hides_stops_at_once():
    class Signal(BaseException):
        pass

    async def work(item):
        if item:
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        try:
            raise Signal
        except Signal:
            raise ValueError("met in the midst of something") from None

    with pytest.raises(Signal):
        await asyncio.wait_for(drain(work, range(4), width=4), 5)
