"""Schedule curation: one Prefect task per shard to measure, then one pass over all rows that decides."""

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.stages import curate as stage
from flows.stages.curate import Curated
from flows.stages.work import active_work


@task(name="measure-shard", task_run_name="measure-{shard}", cache_policy=NO_CACHE, persist_result=False)
async def measure_shard(shard: int) -> None:
    """Measure the rows of one shard."""
    stage.measure_shard(active_work(), shard)


@flow(name="curate", flow_run_name="curate {run}", validate_parameters=False, persist_result=False)
async def curate(run: str) -> Curated:
    """Measure what is new and decide which rows stay."""
    work = active_work()
    for shard in stage.unmeasured(work):
        await measure_shard(shard)
    return stage.decide_all(work)
