"""Bring a request through to an answer, or to a reason: pacing, retries, and a stop when nothing answers any more.

Whose fault is a failure?  429, 503 and "nobody there" are the server's: they are waited out and never held against the
request. A 500, a reset, a timeout, a broken body may be the request's own: after `attempts` of them it is given up as
`unanswered`, unless several requests fail so and none is answered: then the server is suspected instead. A suspected
server has `max_stall` seconds to answer once; then every call raises StoppedError.

A model may have several endpoints. Each attempt goes to the one with most room, a failed one elsewhere; an endpoint
that keeps failing is suspended, one with a fatal error is left out, as long as there is another.
"""

import asyncio
import logging
from collections.abc import Sequence
from random import Random

from flows.errors import FatalLLMError, RejectedLLMError, StoppedError, TransientLLMError, TriplesmithError
from flows.llm.gate import Gate
from flows.llm.lane import Lane
from flows.llm.policy import CallPolicy
from flows.llm.traffic import Traffic, sum_traffic
from flows.llm.types import LLM, ChatRequest, Completion

_log = logging.getLogger(__name__)

_SERVERS_FAULT = frozenset({"rate_limit", "overloaded", "unreachable"})
_PUSHED_BACK = frozenset({"rate_limit", "overloaded", "timeout"})
_SEVERAL = 4
"""Requests that must fail in a row, each for the first time, before the server is suspected."""


class SilentError(StoppedError):
    """A server did not answer for `max_stall` seconds."""


class Resilient:
    """A model that is asked no faster than it answers and again when it fails; one instance serves one event loop.

    `inners` are clients of the same model, one for each endpoint. Waiting requests hold no place in flight. A time an
    endpoint asks to wait holds for all requests to it. After a FatalLLMError of the last endpoint, which is a
    StoppedError when there were answers before, or a stop every call raises it without sending; answers in flight still
    arrive.
    """

    def __init__(self, inners: Sequence[LLM], policy: CallPolicy, *, rng: Random) -> None:
        self.inners = tuple(inners)
        self._lanes = tuple(Lane(inner, policy) for inner in inners)
        self._gate = Gate(self._lanes)
        self._policy = policy
        self._rng = rng
        self._stalled_since: float | None = None
        self._failing = 0

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.inners[0].model

    @property
    def traffic(self) -> Traffic:
        """Counters of all endpoints together."""
        lanes = self._lanes
        return lanes[0].traffic if len(lanes) == 1 else sum_traffic(lane.traffic for lane in lanes)

    @property
    def lanes(self) -> dict[str, Traffic]:
        """Counters by the endpoint's address."""
        return {lane.where: lane.traffic for lane in self._lanes}

    async def complete(self, request: ChatRequest) -> Completion:
        """Answer; raises RejectedLLMError, FatalLLMError, or StoppedError when the server stays silent."""
        failures = own_failures = 0
        avoid: Lane | None = None
        while True:
            lane, place = await self._gate.enter(avoid)
            answered = pushed_back = False
            failure: TransientLLMError | None = None
            try:
                completion = await lane.client.complete(request)
                answered = True
            except TransientLLMError as error:
                pushed_back = error.kind in _PUSHED_BACK
                failure = error
                self._hold_back(lane, error)  # before its place goes to another
            except RejectedLLMError:
                lane.traffic.rejected += 1
                self._heard(lane)
                raise
            except TriplesmithError as error:
                self._leave_out(lane, error)
            finally:
                self._gate.leave(lane, place, answered=answered, pushed_back=pushed_back)
            if answered:
                self._heard(lane)
                traffic = lane.traffic
                traffic.answered += 1
                traffic.tokens_in += completion.tokens_in
                traffic.tokens_out += completion.tokens_out
                return completion
            avoid = lane
            if failure is None:
                continue
            failures += 1
            own_failures += failure.kind not in _SERVERS_FAULT
            self._consider(lane, failure, failures, own_failures)
            if not failure.retry_after:
                widest = self._policy.backoff * 2 ** min(failures - 1, 30)
                await self._gate.rest(self._rng.uniform(0, min(widest, self._policy.backoff_cap)))

    def shut(self, why: TriplesmithError) -> None:
        """Let nobody in any more: every call raises `why` without sending; answers in flight still arrive."""
        self._gate.shut(why)

    async def aclose(self) -> None:
        """Let nobody in any more and close the clients."""
        self.shut(StoppedError("the client of this model was closed"))
        for inner in self.inners:
            await inner.aclose()

    def suspend(self, inner: LLM, why: str) -> None:
        """Have others carry the load until `inner` answers a try."""
        self._suspend(next(lane for lane in self._lanes if lane.client is inner), why)

    def _heard(self, lane: Lane) -> None:
        """The server is there and well."""
        self._stalled_since = None
        self._failing = 0
        if lane.failing and lane.heard():
            _log.warning("%s answers again", lane.where)

    def _leave_out(self, lane: Lane, error: TriplesmithError) -> None:
        """Go on without an endpoint that no call can succeed at; raises when it is the last one."""
        others = any(other.out is None for other in self._lanes if other is not lane)
        if not isinstance(error, FatalLLMError) or not (others or lane.out):
            if isinstance(error, FatalLLMError) and self.traffic.answered:
                error = StoppedError(f"stopped: {error} Then run again to continue.")
            self._gate.shut(error)
            raise error
        if lane.out is None:
            lane.out = error
            _log.warning("%s; the run goes on without this endpoint", error)

    def _hold_back(self, lane: Lane, failure: TransientLLMError) -> None:
        """Spare an endpoint that asks for it, or that keeps failing while another one works."""
        lane.traffic.retries[failure.kind] += 1
        lane.failed()
        if failure.retry_after:
            lane.pause(failure.retry_after, self._gate.hand_out)
        elif failure.kind != "rate_limit" and lane.failing >= _SEVERAL and lane.open:
            self._suspend(lane, str(failure))

    def _suspend(self, lane: Lane, why: str) -> None:
        others = any(other.sound for other in self._lanes if other is not lane)
        if others and lane.suspend(self._gate.hand_out):
            _log.warning("%s; other endpoints carry the load until it answers", why)

    def _consider(self, lane: Lane, failure: TransientLLMError, failures: int, own_failures: int) -> None:
        """Count a failure and raise when it is the last: of its request, or of the run."""
        now = asyncio.get_running_loop().time()
        self._failing += failures == 1
        if self._stalled_since is None:
            self._stalled_since = now
        if failure.kind in _SERVERS_FAULT or self._failing >= _SEVERAL:
            silent = now - self._stalled_since
            if silent + self._gate.wait > self._policy.max_stall:
                stop = SilentError(f"stopped: {_plight(failure, silent)}. Run again to continue.")
                self._gate.shut(stop)
                raise stop
        elif own_failures >= self._policy.attempts:
            lane.traffic.rejected += 1
            raise RejectedLLMError(f"unanswered after {own_failures} tries: {failure}", reason="unanswered")


def _plight(failure: TransientLLMError, silent: float) -> str:
    """Say why waiting longer is pointless."""
    if failure.retry_after is not None and failure.retry_after > silent:
        return f"the server asks to wait {failure.retry_after:.0f} s more ({failure})"
    return f"no answer for {silent:.0f} s ({failure})"
