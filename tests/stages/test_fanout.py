import asyncio

import pytest

from flows.stages.fanout import Supply, at_hand, drain, drain_shards


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


async def test_shards_are_opened_as_their_units_run_out_however_slow_one_unit_is():
    supply, release, opened, units = Supply(), asyncio.Event(), [], 10

    async def work(shard):
        opened.append(shard)
        for unit in range(units):
            if unit == units - 1:
                await release.wait()
            await asyncio.sleep(0)
            supply.finish(shard)
        opened.append("done")

    running = asyncio.create_task(drain_shards(work, at_hand(range(5)), supply, units=units, concurrency=3))
    for _ in range(200):
        await asyncio.sleep(0)
    assert opened == [0, 1, 2, 3, 4]
    release.set()
    await running
    assert opened.count("done") == 5


async def test_no_shard_is_opened_before_the_open_ones_have_few_units_left():
    supply, opened, step = Supply(), [], asyncio.Event()

    async def work(shard):
        opened.append(shard)
        await step.wait()
        for _ in range(10):
            supply.finish(shard)

    running = asyncio.create_task(drain_shards(work, at_hand(range(4)), supply, units=10, concurrency=6))
    for _ in range(20):
        await asyncio.sleep(0)
    assert opened == [0, 1]  # 20 units for at most 6 in flight
    step.set()
    await running
    assert opened == [0, 1, 2, 3]


async def test_an_error_opens_no_further_shard():
    supply, opened = Supply(), []

    async def work(shard):
        opened.append(shard)
        await asyncio.sleep(0)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await drain_shards(work, at_hand(range(9)), supply, units=10, concurrency=5)
    assert opened == [0]


async def test_shards_with_fewer_units_than_thought_hold_up_nothing():
    supply, done = Supply(), []

    async def work(shard):
        await asyncio.sleep(0)
        supply.finish(shard)  # one unit of ten
        done.append(shard)

    await asyncio.wait_for(drain_shards(work, at_hand(range(40)), supply, units=10, concurrency=3), 5)
    assert sorted(done) == [*range(40)]
