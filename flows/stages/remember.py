"""Add what a run came to to the index that it shares with others."""

from flows.curation.tokens import tokens
from flows.index.index import Entries
from flows.index.meanings import kind
from flows.index.rows import row_entries
from flows.stages import brainstorm, curate
from flows.stages.job import Job
from flows.stages.plan import stage_ids
from flows.stages.vectors import RowVectors
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


def _entries(job: Job) -> dict[str, Entries]:
    compared = [policy.compare for policy in job.policy.near]
    entries: dict[str, Entries] = {name: row_entries(curate.accepted_rows(job), name) for name in compared}
    semantic = job.policy.semantic
    return entries if semantic is None else entries | {kind(semantic): RowVectors(job, semantic).accepted()}
