"""Bring one batch from its file to its answers."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.errors import StoppedError
from flows.llm.batch.api import BatchApi
from flows.llm.batch.folder import BatchFiles
from flows.llm.outcome import EndpointFailure, Failure, one_line

if TYPE_CHECKING:
    from openai.types import Batch

_log = logging.getLogger(__name__)

_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
_SLOWEST = 60.0
"""Seconds between two looks at a batch, at most; a young batch is looked at after each tenth of its age."""
_LATE = 3600.0
"""Seconds after the end of its window from which a batch is not waited for any more."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a batch ended."""

    name: str
    """Its id, or its file's name where it never had one."""
    status: str
    """completed, expired, cancelled, or failed when it was refused as a whole."""
    failure: Failure | None = None
    """Why it was refused."""
    line: int | None = None
    """Line of the file that is to blame, where the endpoint says so."""


async def bring(
    api: BatchApi, files: BatchFiles, *, new: bool, poll: float, report: Callable[[str], None], secret: str = ""
) -> Ended:
    """Submit a batch unless that was done, wait for its end and fetch what it gave.

    `report` is told in words how it is. An output file that somebody puts beside the input ends it as well. Raises
    FatalLLMError and StoppedError.
    """
    if files.ended:
        return Ended(files.name, "completed")
    try:
        batch = await _find_state(api, files, new=new)
    except EndpointFailure as error:
        files.end_empty()
        return Ended(files.name, "failed", error.failure)
    began = asyncio.get_running_loop().time()
    _log.info("batch %s holds the requests of %s", batch.id, files.input.name)
    while batch.status.lower() not in _ENDED:
        report(_state(batch))
        _check_window(batch)
        age = asyncio.get_running_loop().time() - began
        await asyncio.sleep(min(max(poll, age / 10), _SLOWEST))
        if files.ended:
            return Ended(batch.id, "completed")
        batch = await api.state(batch.id)
    _log.info("batch %s", _state(batch))
    report(_state(batch))
    files.note(batch.model_dump(exclude_none=True))
    await api.fetch(batch, files)
    status = batch.status.lower()
    return Ended(batch.id, status, *_complaint(batch, secret)) if status == "failed" else Ended(batch.id, status)


async def _find_state(api: BatchApi, files: BatchFiles, *, new: bool) -> "Batch":
    known = files.known().get("id")
    return await (api.state(known) if isinstance(known, str) else api.submit(files, new=new))


def _complaint(batch: "Batch", secret: str) -> tuple[Failure, int | None]:
    """Read what an endpoint has against a file; the first complaint tells, the others repeat it."""
    listed = (batch.errors.data if batch.errors else None) or []
    if not listed:
        return Failure(400, "no reason given"), None
    first = listed[0]
    message = one_line(first.message or "no reason given", secret=secret)
    return Failure(400, message, first.code or "", first.param or ""), first.line


def _check_window(batch: "Batch") -> None:
    late = time.time() - batch.expires_at if batch.expires_at else 0.0
    if late > _LATE:
        raise StoppedError(
            f"stopped: batch {batch.id} is still {batch.status} {late / 3600:.0f} h after its window of "
            f"{batch.completion_window} closed. Run again to wait on, or cancel it there to have the rest sent again."
        )


def _state(batch: "Batch") -> str:
    counts = batch.request_counts
    if counts is None or not counts.total:
        return f"{batch.id} {batch.status}"
    failed = f", {counts.failed} failed" if counts.failed else ""
    return f"{batch.id} {batch.status} {counts.completed}/{counts.total} answered{failed}"
