"""Which failures of a Prefect task are worth another try."""

from typing import Any

from prefect import Task
from prefect.client.schemas import TaskRun
from prefect.client.schemas.objects import State

from flows.errors import TriplesmithError

RETRY_DELAY_SECONDS: list[float] = [2, 10]
"""Rows wait out a busy server by themselves; this is for what breaks a whole shard."""


async def worth_a_retry(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Retry what may pass, never what a person must mend: an error of our own says what to do."""
    error = await state.aresult(raise_on_failure=False)
    return not isinstance(error, TriplesmithError)
