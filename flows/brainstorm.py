"""Schedule the invention of tasks: one Prefect task per shard of task lists."""

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.ending import ends_on_sigterm
from flows.retries import RETRY_DELAY_SECONDS, worth_a_retry
from flows.stages import brainstorm as stage
from flows.stages.brainstorm import TaskList
from flows.stages.fanout import at_hand, drain_shards
from flows.stages.models import concurrency
from flows.stages.plan import Round, read_rounds
from flows.stages.work import Work, active_work


@task(
    name="brainstorm-shard",
    task_run_name="brainstorm-{shard}",
    retries=2,
    retry_delay_seconds=RETRY_DELAY_SECONDS,
    retry_condition_fn=worth_a_retry,
    cache_policy=NO_CACHE,
    persist_result=False,
)
async def brainstorm_shard(shard: int) -> int:
    """Ask for one shard of task lists; returns the number of tasks."""
    return (await stage.brainstorm_shard(active_work(), shard)).out


@flow(name="brainstorm", flow_run_name="brainstorm {run}", validate_parameters=False, persist_result=False)
@ends_on_sigterm
async def brainstorm(run: str) -> TaskList:
    """List tasks until every family has enough, or its lists run out."""
    work = active_work()
    for planned in read_rounds(work.layout, stage.STAGE):
        await _ask(work, planned)
    tasks = stage.fold(work)
    while tasks.short and (further := stage.plan_round(work, tasks.short)):
        await _ask(work, further)
        tasks = stage.fold(work)
    return tasks


async def _ask(work: Work, planned: Round) -> None:
    work.progress.begin(stage.STAGE, planned.units, planned.number)
    at_once = concurrency(work.clients, work.loaded.recipe, stage.STAGE)

    async def ask(shard: int) -> None:
        await brainstorm_shard(shard)

    await drain_shards(ask, at_hand(planned.numbers), work.supply, units=planned.shard_units, concurrency=at_once)
