"""Run every stage of one run in order, topping up until the rows are there."""

from itertools import count

from prefect import flow
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact

from flows.brainstorm import brainstorm
from flows.curate import curate
from flows.ending import ends_on_sigterm, run_to_end
from flows.errors import StoppedError
from flows.generate import generate
from flows.publish import publish
from flows.stages import generate as generating
from flows.stages.benchmarks import benchmark_accounts
from flows.stages.brainstorm import TaskList
from flows.stages.curate import Curated, job_of
from flows.stages.ledger import accounts, accounts_markdown, generated, ledger_markdown, ledger_table
from flows.stages.plan import read_rounds
from flows.stages.progress import watched
from flows.stages.quality import describe, warnings
from flows.stages.remember import remember
from flows.stages.request import RunRequest
from flows.stages.result import RunResult, explain_nothing, shortfall
from flows.stages.work import Work, open_work
from flows.store.ledger import read_accounts, read_ledger, write_ledger


def run(request: RunRequest) -> RunResult:
    """Run the flow to its end; raises KeyboardInterrupt for SIGTERM, and TriplesmithError."""
    return run_to_end(pipeline(request))


@flow(name="pipeline", flow_run_name="{request.recipe}", persist_result=False)
@ends_on_sigterm
async def pipeline(request: RunRequest) -> RunResult:
    """Brainstorm, generate, curate and publish; the same request again continues the run.

    Raises TriplesmithError; a run that its cap on requests stopped is published as far as it is, and says so.
    """
    async with open_work(request, watched()) as work:
        run = str(work.layout.root)
        generating.check_size(work)
        tasks = await brainstorm(run)
        curated, stop = await _fill(work, tasks)
        written = generated(work)
        job = job_of(work)
        told = [*tasks.warnings, *warnings(describe(job))]
        cleared = benchmark_accounts(job, curated.tally)
        write_ledger(work.layout, [tasks.tally, written, curated.tally], accounts(work, curated), cleared, told)
        remember(work)
        short = shortfall(work, written, curated, stop)
        commit = await publish(run, None if short else request.publish, request.public, request.append)
        await _artifacts(work)
    return RunResult(run, work.loaded.recipe.rows, curated.tally.out, commit, short, told)


async def _fill(work: Work, tasks: TaskList) -> tuple[Curated, StoppedError | None]:
    """Ask and curate in rounds until every slot is filled, the caps are reached, or a budget or a dead server stops it.

    After a stop what is there is curated; raises StoppedError when that is nothing.
    """
    run = str(work.layout.root)
    if missing := [family for family in tasks.wanted if not tasks.tasks[family]]:
        raise StoppedError(explain_nothing("no task", missing, tasks.tally))
    stop: StoppedError | None = None
    try:
        for planned in read_rounds(work.layout, generating.STAGE):
            await generate(run, planned.number)
        if (unasked := generating.plan_round(work, tasks.tasks, generating.asked_slots(work))) is not None:
            await generate(run, unasked)
        curated = await curate(run)
        top_ups = count(1)
        while (further := generating.plan_round(work, tasks.tasks, curated.slots)) is not None:
            await generate(run, further, next(top_ups))
            curated = await curate(run)
            work.progress.accepted = curated.tally.out
    except StoppedError as error:
        stop = error
        curated = await curate(run)
    if not curated.tally.out:
        raise stop or StoppedError(explain_nothing("no row", sorted(work.rows), generated(work)))
    return curated, stop


async def _artifacts(work: Work) -> None:
    """Leave the ledger where Prefect's interface shows it."""
    tallies = read_ledger(work.layout)
    words = f"{ledger_markdown(tallies)}\n\n{accounts_markdown(read_accounts(work.layout))}"
    await acreate_markdown_artifact(words, key="ledger", description=str(work.layout.root))
    await acreate_table_artifact(ledger_table(tallies), key="ledger-by-reason", description=str(work.layout.root))
