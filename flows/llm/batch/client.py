"""A model that is asked through the Batch API, or through batch files that somebody runs by hand."""

from pathlib import Path

from flows.errors import RejectedLLMError, TransientLLMError, TriplesmithError, UsageError
from flows.ids import digest, file_name
from flows.llm.batch.api import BatchApi
from flows.llm.batch.desk import Desk, Limits
from flows.llm.endpoint import Endpoint
from flows.llm.ladder import STEPS, Ladder, Step
from flows.llm.memory import Memory
from flows.llm.openai_http import OpenAIHttp
from flows.llm.outcome import EndpointFailure, to_error
from flows.llm.survey import Facts, survey_batch
from flows.llm.traffic import Traffic
from flows.llm.types import ChatRequest, Completion
from flows.llm.wire import read_answer

_TRIES = 3
"""Batches in which a request may fail before it is given up; each may take a day."""
_UNCOUNTED = frozenset({"expired", "cancelled", "crowded"})
"""Kinds of failure that say nothing of the request: others of its batch were served."""


class OpenAIBatch(OpenAIHttp):
    """A model behind the Batch API of an endpoint; one instance serves one event loop.

    What an endpoint takes, how it holds to a schema and what its errors mean is the same as for live requests: only
    the way is another. `state` is the folder for the files; without an `api` they are run by hand.
    """

    at_once = 25_000
    """Requests wanted together; stages keep up to twice as many open, which is one full file."""

    def __init__(
        self,
        endpoint: Endpoint,
        model: str,
        *,
        state: Path | None,
        api: BatchApi | None,
        timeout: float,
        memory: Memory | None = None,
        limits: Limits | None = None,
    ) -> None:
        # no grace: who waited for another's answer would miss its batch
        super().__init__(endpoint, model, concurrency=1, timeout=timeout, memory=memory, grace=0.0)
        self.traffic = Traffic()
        self.api = api
        self._state = state
        self._limits = limits
        self._desk: Desk | None = None

    async def survey(self) -> Facts:
        """Say what is known of the way; raises as survey_batch."""
        return await survey_batch(self)

    async def complete(self, request: ChatRequest) -> Completion:
        """Put the request into a batch and wait for its answer; a failure that may pass goes into later batches.

        Raises RejectedLLMError, FatalLLMError, and StoppedError when batches bring nothing or are run by hand.
        """
        desk = self._desk or self._open_desk()
        tries = 0
        while True:
            try:
                completion = await super().complete(request)
            except TransientLLMError as error:
                self.traffic.retries[error.kind] += 1
                tries += error.kind not in _UNCOUNTED
                if tries < _TRIES:
                    continue
                self.traffic.rejected += 1
                raise RejectedLLMError(f"unanswered in {tries} batches: {error}", reason="unanswered") from None
            except RejectedLLMError:
                self.traffic.rejected += 1
                raise
            except TriplesmithError as error:
                raise desk.stop(error) from None
            self.traffic.answered += 1
            self.traffic.tokens_in += completion.tokens_in
            self.traffic.tokens_out += completion.tokens_out
            return completion

    async def aclose(self) -> None:
        """Close the connections; batches that were sent are worked on without us."""
        if self._desk is not None:
            await self._desk.aclose()
        if self.api is not None:
            await self.api.aclose()
        await super().aclose()

    async def _send(self, request: ChatRequest, body: bytes, step: Step) -> Completion:
        desk = self._desk or self._open_desk()
        waiting = desk.ask(request.key or digest(body.decode()), STEPS.index(step), body)
        del body  # it stands in a file by now; a full batch of them would take as much memory as that
        reply = await waiting
        where, secret, line = self.endpoint.url, self.endpoint.key, reply.line
        if line.answer is not None:
            return read_answer(line.answer, where=where, rung=STEPS[line.step].rung, secret=secret)
        failure = line.failure
        assert failure is not None, "a line has an answer or a failure"
        names_cause = failure.names_format or failure.unsupported
        if reply.served and failure.may_be_format and not names_cause:
            raise to_error(failure, where=where, key_sent=bool(secret))  # others were answered so: it is its own fault
        raise EndpointFailure(failure)

    def _open_desk(self) -> Desk:
        """Open the folder of this model: a file holds requests for one model, and answers of another are not its."""
        if self._state is None or not self.model:
            raise UsageError(f"no folder or no model for the batches of {self.endpoint.url}: give --model NAME.")
        folder = self._state / file_name(self.model)
        desk = Desk(folder, self.api, self.traffic, limits=self._limits, secret=self.endpoint.key)
        if desk.step is not None and self.ladder.step is None:
            self.ladder = Ladder(STEPS[desk.step].name, grace=0.0, learnt=self._keep)
        self._desk = desk
        return desk
