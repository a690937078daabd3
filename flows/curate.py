"""Schedule curation: one Prefect task per shard to measure, then one pass over all rows that decides."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from prefect import Task, flow, task
from prefect.cache_policies import NO_CACHE

from flows.domain.ledger import StageTally
from flows.domain.records import Row
from flows.ending import ends_on_sigterm
from flows.recipes.folder import read_recipe
from flows.spread import end_with_parent, spread, worthwhile
from flows.stages import adopt, benchmarks
from flows.stages import curate as stage
from flows.stages.curate import Curated
from flows.stages.generate import Slots
from flows.stages.job import Job
from flows.stages.progress import watched
from flows.stages.work import active_work
from flows.store.layout import Layout


@task(name="measure-shard", task_run_name="measure-{shard}", cache_policy=NO_CACHE, persist_result=False)
async def measure_shard(run: str, source: str, shard: int) -> None:
    """Measure the rows of one shard."""
    end_with_parent()
    stage.measure_shard(Layout(Path(run)), source, shard)


@task(name="match-shard", task_run_name="match-{shard}", cache_policy=NO_CACHE, persist_result=False)
async def match_shard(run: str, source: str, shard: int) -> None:
    """Hold the rows of one shard against the benchmarks."""
    end_with_parent()
    benchmarks.match_shard(Layout(Path(run)), source, shard)


@flow(name="curate", flow_run_name="curate {run}", validate_parameters=False, persist_result=False)
@ends_on_sigterm
async def curate(run: str) -> Curated:
    """Measure what is new in a run and decide which rows stay."""
    work = active_work()
    slots = Slots.empty(work.rows)
    models: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def judged(row: Row, reason: str) -> None:
        models[row.generator.entry][reason] += 1
        if not reason:
            slots.fill(row.family, row.slot)

    return Curated(slots, await _curate(stage.job_of(work), judged, work.loaded.recipe.shards.processes), models)


@flow(name="curate-imported", flow_run_name="curate {run}", validate_parameters=False, persist_result=False)
@ends_on_sigterm
async def curate_imported(run: str, index: str | None) -> StageTally:
    """Measure what is new among imported rows and decide which of them stay."""
    layout = Layout(Path(run))
    return await _curate(adopt.job(layout, index), lambda row, reason: None, read_recipe(layout).shards.processes)


async def _curate(job: Job, judged: Callable[[Row, str], None], processes: int | None) -> StageTally:
    await _shard_by_shard("measure", measure_shard, job, stage.unmeasured(job), processes)
    benchmarks.prepare(job)
    await _shard_by_shard("hold against benchmarks", match_shard, job, benchmarks.unmatched(job), processes)
    watched().begin("decide")
    return stage.decide_all(job, judged)


async def _shard_by_shard(
    name: str, task: Task[Any, Any], job: Job, shards: Sequence[int], processes: int | None
) -> None:
    if not shards:
        return
    progress = watched()
    progress.begin(name, len(shards), unit="shards")
    rows = [job.layout.rows(job.source, shard) for shard in shards]
    calls = [{"run": str(job.layout.root), "source": job.source, "shard": shard} for shard in shards]
    await spread(task, calls, worthwhile(rows, processes), progress.finish)
