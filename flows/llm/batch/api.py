"""The Batch API of an endpoint, call by call, each brought through with waiting and trying again."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from flows.errors import FatalLLMError, StoppedError, TransientLLMError
from flows.llm.batch.folder import BatchFiles
from flows.llm.batch.lines import ENDPOINT
from flows.llm.endpoint import Endpoint
from flows.llm.outcome import EndpointFailure, Failure, one_line, read_failure, to_error
from flows.store.atomic import replace_file

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types import Batch

Result = TypeVar("Result")

TAG = "triplesmith"
"""Key of the metadata under which a batch carries the name of its files."""

_SKEW = timedelta(days=1)
"""A batch is looked for among those made since its file was written, give or take this."""
_LATER = frozenset({408, 409, 425, 429})
_LONGEST_WAIT = 60.0


class BatchApi:
    """Files and batches of one endpoint; one instance serves one event loop.

    `stall` is how many seconds of failures without one success are put up with. Calls raise FatalLLMError, and
    StoppedError when that is over.
    """

    def __init__(self, endpoint: Endpoint, *, timeout: float, stall: float, backoff: float = 1.0) -> None:
        self._endpoint = endpoint
        self._timeout = timeout
        self._stall = stall
        self._backoff = backoff
        self._client: AsyncOpenAI | None = None
        self._failing_since: float | None = None

    async def look(self) -> None:
        """Check that the endpoint has files and batches."""

        async def list_some(client: "AsyncOpenAI") -> None:
            await client.files.list(purpose="batch", limit=1)
            await client.batches.list(limit=1)

        await self._through("list of files or batches", list_some)

    async def submit(self, files: BatchFiles, *, new: bool) -> "Batch":
        """Upload the requests and create their batch, unless that was done before.

        A batch that an earlier process created, or a call whose answer was lost, is found again by its metadata or
        its file, so that nothing is created twice; only for a `new` one nobody looks. Raises EndpointFailure with
        what the endpoint has against the file.
        """
        file_id = files.known().get("input_file_id")
        sure = new

        async def create(client: "AsyncOpenAI") -> "Batch":
            nonlocal sure, file_id
            if not sure and (found := await _find(client, files, file_id)):
                return found
            if file_id is None:
                with files.input.open("rb") as content:
                    upload = (files.input.name, content, "application/jsonl")
                    file_id = (await client.files.create(file=upload, purpose="batch")).id
                files.note({"input_file_id": file_id})
            sure = False
            return await client.batches.create(
                input_file_id=file_id, endpoint=ENDPOINT, completion_window="24h", metadata={TAG: files.name}
            )

        batch = await self._through("batch", create)
        files.note(batch.model_dump(exclude_none=True))
        return batch

    async def state(self, batch_id: str) -> "Batch":
        """Ask how a batch is."""
        return await self._through(
            f"batch {batch_id}",
            lambda client: client.batches.retrieve(batch_id),
            hint="Go on with the key and the address that it was made with, or with another run folder.",
        )

    async def fetch(self, batch: "Batch", files: BatchFiles) -> None:
        """Bring what an ended batch gave into its files, the answers last."""
        for file_id, path in ((batch.error_file_id, files.errors), (batch.output_file_id, files.output)):
            if file_id:
                await self._through(f"file {file_id}", partial(_download, file_id=file_id, path=path))
        if not batch.output_file_id:
            files.end_empty()

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _through(
        self, what: str, act: Callable[["AsyncOpenAI"], Awaitable[Result]], *, hint: str | None = None
    ) -> Result:
        """Do one call until it succeeds or cannot any more; `hint` says what to do where its subject is not known."""
        import openai

        client = self._client = self._client or self._endpoint.client(self._timeout)
        tries = 0
        while True:
            try:
                result = await act(client)
            except openai.APIStatusError as error:
                response, secret = error.response, self._endpoint.key
                failure = read_failure(response.status_code, response.headers, response.content, secret=secret)
                trouble = self._judge(failure, what, hint)
            except openai.APIConnectionError as error:
                why = one_line(str(error.__cause__ or error), secret=self._endpoint.key)
                trouble = TransientLLMError(f"the connection broke: {why}", kind="unreachable")
            except TransientLLMError as error:
                trouble = error
            else:
                self._failing_since = None
                return result
            tries += 1
            await asyncio.sleep(self._wait(trouble, tries))

    def _judge(self, failure: Failure, what: str, hint: str | None) -> TransientLLMError:
        """Give what may pass; raises the rest."""
        where, status = self._endpoint.url, failure.status
        if failure.no_credit or status in (401, 403):
            raise to_error(failure, where=where, key_sent=bool(self._endpoint.key))
        if status in (404, 405) or status < 400:
            hint = hint or f"A Batch API has /files and /batches there; without one, give --llm {where} itself."
            raise FatalLLMError(f"{where} knows no {what} ({status}): {failure.message or 'no reason given'}. {hint}")
        if status < 500 and status not in _LATER:
            raise EndpointFailure(failure)
        error = to_error(failure, where=where, key_sent=bool(self._endpoint.key))
        assert isinstance(error, TransientLLMError)
        return error

    def _wait(self, trouble: TransientLLMError, tries: int) -> float:
        """Give the seconds until the next try; raises StoppedError when it is no use."""
        now = asyncio.get_running_loop().time()
        if self._failing_since is None:
            self._failing_since = now
        wait = trouble.retry_after or min(self._backoff * 2 ** min(tries - 1, 30), _LONGEST_WAIT)
        silent = now - self._failing_since
        if silent + wait > self._stall:
            raise StoppedError(
                f"stopped: no answer from {self._endpoint.url} for {silent:.0f} s, the next try is {wait:.0f} s away "
                f"({trouble}). What was sent is worked on meanwhile: run again to continue."
            )
        return wait


async def _find(client: "AsyncOpenAI", files: BatchFiles, file_id: str | None) -> "Batch | None":
    """Look for the batch that was created from these files."""
    since = datetime.fromtimestamp(files.input.stat().st_mtime, UTC) - _SKEW
    async for batch in client.batches.list(limit=100):
        if (batch.metadata or {}).get(TAG) == files.name or (file_id and batch.input_file_id == file_id):
            return batch
        if batch.created_at and datetime.fromtimestamp(batch.created_at, UTC) < since:
            return None
    return None


async def _download(client: "AsyncOpenAI", file_id: str, path: Path) -> None:
    async with client.files.with_streaming_response.content(file_id) as response:
        with replace_file(path) as file:
            async for chunk in response.iter_bytes(1 << 20):
                file.write(chunk)
