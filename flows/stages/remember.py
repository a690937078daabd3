"""Add what a run came to to the index that it shares with others."""

from collections.abc import Iterable

from flows.curation.near.policy import Compare
from flows.curation.tokens import tokens
from flows.index.index import Entry
from flows.index.rows import row_entries
from flows.stages import brainstorm, curate
from flows.stages.job import Job
from flows.stages.plan import stage_ids
from flows.stages.work import Work


def remember(work: Work) -> None:
    """Make the run's tasks and accepted rows what the index holds of it; nothing without an index.

    Called when the curation of the run is final; doing so again changes nothing. Raises UsageError or StoreError.
    """
    if work.index is None:
        return
    tasks = [(task.id, task.family, tokens(task.task)) for task in brainstorm.read_tasks(work)]
    work.index.put(brainstorm.own_ids(work), {"task": tasks, **_entries(curate.job_of(work))})


def remember_rows(job: Job) -> None:
    """Make the accepted rows what the index holds of a curation that asks no model; raises as `remember` does."""
    if job.index is not None:
        job.index.put(stage_ids(job.layout, job.source), _entries(job))


def _entries(job: Job) -> dict[Compare, Iterable[Entry]]:
    return {policy.compare: row_entries(curate.accepted_rows(job), policy.compare) for policy in job.policy.near}
