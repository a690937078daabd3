"""Schedule the writing of rows: one Prefect task per shard, or per worker process where there are several."""

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.ending import ends_on_sigterm
from flows.retries import RETRY_DELAY_SECONDS, worth_a_retry
from flows.stages import generate as stage
from flows.stages.fanout import drain, drain_shards
from flows.stages.models import concurrency
from flows.stages.parts import Part, Workers, parts_of, processes
from flows.stages.plan import read_rounds
from flows.stages.work import active_work


@task(
    name="generate-shard",
    task_run_name="generate-{shard}",
    retries=2,
    retry_delay_seconds=RETRY_DELAY_SECONDS,
    retry_condition_fn=worth_a_retry,
    cache_policy=NO_CACHE,
    persist_result=False,
)
async def generate_shard(shard: int) -> int:
    """Write the rows of one shard; returns their number."""
    return (await stage.generate_shard(active_work(), shard)).out


@task(
    name="generate-part",
    task_run_name="generate-part-{part.number}",
    retries=2,
    retry_delay_seconds=RETRY_DELAY_SECONDS,
    retry_condition_fn=worth_a_retry,
    cache_policy=NO_CACHE,
    persist_result=False,
)
async def generate_part(workers: Workers, part: Part) -> None:
    """Have a worker process write the rows of every n-th shard."""
    await workers.run(part)


@flow(name="generate", flow_run_name="generate {run} {round}", validate_parameters=False, persist_result=False)
@ends_on_sigterm
async def generate(run: str, round: int, top_up: int = 0) -> None:
    """Ask for the units of one planned round, and of those that are planned behind it.

    `top_up` counts the times that slots which curation left empty are asked for again; 0 is the first asking.
    """
    work = active_work()
    planned = await work.planning.planned(round) or read_rounds(work.layout, stage.STAGE)[round]
    work.progress.begin(stage.STAGE, max(planned.units, work.planning.units), top_up)
    if (count := processes(work, stage.STAGE, planned)) > 1:
        workers = Workers(work)

        async def spread(part: Part) -> None:
            await generate_part(workers, part)

        await drain(spread, parts_of(work, stage.STAGE, planned, count), width=count)
        return
    at_once = concurrency(work.clients, work.loaded.recipe, stage.STAGE)

    async def ask(shard: int) -> None:
        await generate_shard(shard)

    shards = work.planning.shards(planned)
    await drain_shards(ask, shards, work.supply, units=planned.shard_units, concurrency=at_once)
