"""Curate rows that were made elsewhere: import, curate, publish; no model is asked."""

from prefect import flow
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact

from flows.curate import curate_imported
from flows.ending import ends_on_sigterm
from flows.errors import StoppedError
from flows.publish import publish
from flows.stages import adopt as stage
from flows.stages.benchmarks import benchmark_accounts
from flows.stages.ledger import ledger_markdown, ledger_table
from flows.stages.progress import watched
from flows.stages.quality import describe, warnings
from flows.stages.remember import remember_rows
from flows.stages.request import CurateRequest
from flows.stages.result import RunResult, explain_nothing
from flows.store.ledger import read_ledger, write_ledger


@flow(name="adopt", flow_run_name="{request.path}", persist_result=False)
@ends_on_sigterm
async def adopt(request: CurateRequest) -> RunResult:
    """Import, curate and publish; the same request again continues, and decides anew when thresholds changed.

    Raises TriplesmithError.
    """
    with stage.open_adoption(request) as adoption:
        layout = adoption.layout
        run = str(layout.root)
        progress = watched()
        progress.begin("import", unit="rows")
        brought = stage.bring_in(adoption, progress)
        if not brought.out:
            raise StoppedError(explain_nothing("no row", [request.path], brought))
        curated = await curate_imported(run, request.index)
        job = stage.job(layout, request.index)
        told = warnings(describe(job))
        write_ledger(layout, [brought, curated], benchmarks=benchmark_accounts(job, curated), warnings=told)
        if not curated.out:
            raise StoppedError(explain_nothing("no row", [request.path], curated))
        remember_rows(job)
        commit = await publish(run, request.publish, request.public, request.append)
        tallies = read_ledger(layout)
        await acreate_markdown_artifact(ledger_markdown(tallies), key="ledger", description=run)
        await acreate_table_artifact(ledger_table(tallies), key="ledger-by-reason", description=run)
    return RunResult(run, brought.created, curated.out, commit, warnings=told)
