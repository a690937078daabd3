"""Schedule the assembly of the finished data set and, when asked, its upload."""

from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.ending import ends_on_sigterm
from flows.retries import RETRY_DELAY_SECONDS, worth_a_retry
from flows.stages import publish as stage
from flows.stages import upload as uploading
from flows.stages.progress import watched
from flows.store.layout import Layout


@task(name="assemble", cache_policy=NO_CACHE, persist_result=False)
async def assemble(run: str) -> None:
    """Write the files, the card and the report."""
    stage.assemble(Layout(Path(run)))


@task(
    name="upload",
    retries=2,
    retry_delay_seconds=RETRY_DELAY_SECONDS,
    retry_condition_fn=worth_a_retry,
    cache_policy=NO_CACHE,
    persist_result=False,
)
async def upload(run: str, repo: str, public: bool, append: bool) -> str:
    """Commit the files to the Hub; returns the commit's address."""
    return uploading.upload(Layout(Path(run)), repo, public=public, append=append).url


@flow(name="publish", flow_run_name="publish {run}", persist_result=False)
@ends_on_sigterm
async def publish(run: str, repo: str | None = None, public: bool = False, append: bool = False) -> str | None:
    """Assemble the data set, and upload it when a repository is named; returns the commit's address."""
    watched().begin("publish")
    await assemble(run)
    return await upload(run, repo, public, append) if repo else None
