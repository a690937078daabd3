"""Add what a run came to to the index that it shares with others."""

from collections.abc import Iterable

from flows.curation.near.policy import Compare
from flows.curation.tokens import tokens
from flows.index.index import Entry
from flows.index.rows import row_entries
from flows.stages import brainstorm, curate
from flows.stages.work import Work


def remember(work: Work) -> None:
    """Make the run's tasks and accepted rows what the index holds of it; nothing without an index.

    Called when the curation of the run is final; doing so again changes nothing. Raises UsageError or StoreError.
    """
    if work.index is None:
        return
    tasks = [(task.id, task.family, tokens(task.task)) for task in brainstorm.read_tasks(work)]
    entries: dict[Compare, Iterable[Entry]] = {"task": tasks}
    for policy in work.loaded.recipe.curate.near:
        entries[policy.compare] = row_entries(curate.accepted_rows(work), policy.compare)
    work.index.put(brainstorm.own_ids(work), entries)
