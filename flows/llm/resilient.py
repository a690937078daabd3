"""Bring a request through to an answer, or to a reason: pacing, retries, and a stop when nothing answers any more.

Whose fault is a failure?  429, 503 and "nobody there" are the server's: they are waited out and never held against the
request. A 500, a reset, a timeout, a broken body may be the request's own: after `attempts` of them it is given up as
`unanswered`, unless several requests fail so and none is answered: then the server is suspected instead. A suspected
server has `max_stall` seconds to answer once; then every call raises StoppedError.
"""

import asyncio
from random import Random

from flows.errors import RejectedLLMError, StoppedError, TransientLLMError, TriplesmithError
from flows.llm.limiter import Limiter
from flows.llm.policy import CallPolicy
from flows.llm.traffic import Traffic
from flows.llm.types import LLM, ChatRequest, Completion

_SERVERS_FAULT = frozenset({"rate_limit", "overloaded", "unreachable"})
_PUSHED_BACK = frozenset({"rate_limit", "overloaded", "timeout"})
_SEVERAL = 4
"""Requests that must fail in a row, each for the first time, before the server is suspected."""


class Resilient:
    """A model that is asked no faster than it answers and again when it fails; one instance serves one event loop.

    Waiting requests hold no place in flight. A time the server asks to wait holds for all requests. After a
    FatalLLMError or a stop every call raises it without sending; answers in flight still arrive.
    """

    def __init__(self, inner: LLM, policy: CallPolicy, *, rng: Random) -> None:
        self.inner = inner
        self._policy = policy
        self._rng = rng
        self._limiter = Limiter(policy)
        self._stalled_since: float | None = None
        self._failing = 0
        self.traffic = Traffic(limit=self._limiter.limit)

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.inner.model

    async def complete(self, request: ChatRequest) -> Completion:
        """Answer; raises RejectedLLMError, FatalLLMError, or StoppedError when the server stays silent."""
        limiter, traffic = self._limiter, self.traffic
        failures = own_failures = 0
        while True:
            place = await limiter.enter()
            traffic.sent += 1
            traffic.in_flight += 1
            answered = pushed_back = False
            try:
                completion = await self.inner.complete(request)
                answered = True
            except TransientLLMError as error:
                pushed_back = error.kind in _PUSHED_BACK
                failure = error
            except RejectedLLMError:
                traffic.rejected += 1
                self._heard()
                raise
            except TriplesmithError as error:
                limiter.shut(error)
                raise
            finally:
                limiter.leave(place, answered=answered, pushed_back=pushed_back)
                traffic.in_flight -= 1
                traffic.limit = limiter.limit
            if answered:
                self._heard()
                traffic.answered += 1
                traffic.tokens_in += completion.tokens_in
                traffic.tokens_out += completion.tokens_out
                return completion
            failures += 1
            own_failures += failure.kind not in _SERVERS_FAULT
            self._consider(failure, failures, own_failures)
            if failure.retry_after:
                limiter.pause(failure.retry_after)
            else:
                widest = self._policy.backoff * 2 ** min(failures - 1, 30)
                await limiter.rest(self._rng.uniform(0, min(widest, self._policy.backoff_cap)))

    async def aclose(self) -> None:
        """Let nobody in any more and close the inner model."""
        self._limiter.shut(StoppedError("the client of this model was closed"))
        await self.inner.aclose()

    def _heard(self) -> None:
        """The server is there and well."""
        self._stalled_since = None
        self._failing = 0

    def _consider(self, failure: TransientLLMError, failures: int, own_failures: int) -> None:
        """Count a failure and raise when it is the last: of its request, or of the run."""
        now = asyncio.get_running_loop().time()
        self.traffic.retries[failure.kind] += 1
        self._failing += failures == 1
        if self._stalled_since is None:
            self._stalled_since = now
        if failure.kind in _SERVERS_FAULT or self._failing >= _SEVERAL:
            silent = now - self._stalled_since
            if silent + (failure.retry_after or 0.0) > self._policy.max_stall:
                stop = StoppedError(f"stopped: {_plight(failure, silent)}. Run again to continue.")
                self._limiter.shut(stop)
                raise stop
        elif own_failures >= self._policy.attempts:
            self.traffic.rejected += 1
            raise RejectedLLMError(f"unanswered after {own_failures} tries: {failure}", reason="unanswered")


def _plight(failure: TransientLLMError, silent: float) -> str:
    """Say why waiting longer is pointless."""
    if failure.retry_after is not None and failure.retry_after > silent:
        return f"the server asks to wait {failure.retry_after:.0f} s more ({failure})"
    return f"no answer for {silent:.0f} s ({failure})"
