"""One endpoint of a model: how much it takes, whether it may be asked, and what came of it.

An endpoint that keeps failing is suspended while others carry the load. After a pause, which grows each time, one
request tries it; when that is answered, it is back.
"""

import asyncio
from collections.abc import Callable

from flows.errors import FatalLLMError
from flows.llm.limiter import Limiter, Place
from flows.llm.policy import CallPolicy
from flows.llm.traffic import Traffic
from flows.llm.types import LLM, unwrap


class Lane:
    """The way to one endpoint, for one event loop."""

    def __init__(self, client: LLM, policy: CallPolicy) -> None:
        self.client = client
        self.traffic = Traffic(limit=policy.concurrency)
        self.failing = 0
        """Failures since the last answer."""
        self.out: FatalLLMError | None = None
        """Why it is never asked again."""
        self._limiter = Limiter(policy)
        self._policy = policy
        self._failing_since = 0.0
        self._pause: asyncio.TimerHandle | None = None
        self._suspended = 0
        """How often since the last answer."""

    @property
    def where(self) -> str:
        """Address of the endpoint, or what answers instead."""
        client = unwrap(self.client)
        endpoint = getattr(client, "endpoint", None)
        return endpoint.url if endpoint else type(client).__name__

    @property
    def open(self) -> bool:
        """Whether it may be asked, if it has a place."""
        return self.out is None and self._pause is None

    @property
    def sound(self) -> bool:
        """Whether it may be asked and has answered since it was last suspended."""
        return self.open and not self._suspended

    @property
    def free(self) -> bool:
        """Whether a request may go there now: one at a time after a suspension."""
        return self.open and (self._limiter.free if not self._suspended else not self._limiter.in_flight)

    @property
    def load(self) -> float:
        """Share of its places that are taken."""
        return self._limiter.in_flight / self._limiter.limit

    @property
    def wait(self) -> float:
        """Seconds until its pause ends, 0 without one."""
        return 0.0 if self._pause is None else max(0.0, self._pause.when() - asyncio.get_running_loop().time())

    def take(self) -> Place:
        """Take a place for a request that is sent now."""
        self.traffic.sent += 1
        self.traffic.in_flight += 1
        return self._limiter.take()

    def leave(self, place: Place, *, answered: bool = False, pushed_back: bool = False) -> None:
        """Give a place back and learn from how its request ended."""
        self._limiter.leave(place, answered=answered, pushed_back=pushed_back)
        self.traffic.in_flight -= 1
        self.traffic.limit = self._limiter.limit

    def failed(self) -> None:
        """Note a failure."""
        if not self.failing:
            self._failing_since = asyncio.get_running_loop().time()
        self.failing += 1

    def heard(self) -> bool:
        """Note that the endpoint is there and well; returns whether it was thought not to be."""
        back = bool(self._suspended)
        silent = asyncio.get_running_loop().time() - self._failing_since
        if back or silent > self._policy.backoff_cap:
            self._limiter.recover()
        self.failing = self._suspended = 0
        return back

    def suspend(self, then: Callable[[], None]) -> bool:
        """Pause, longer each time; returns whether this is the first time since the last answer."""
        widest = self._policy.backoff * 2 ** min(self._suspended, 30)
        self._suspended += 1
        self.pause(min(widest, self._policy.backoff_cap), then)
        return self._suspended == 1

    def pause(self, seconds: float, then: Callable[[], None]) -> None:
        """Let nobody in for so long, then call `then`; a longer pause that runs already stays."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        if self._pause is not None:
            if self._pause.when() >= until:
                return
            self._pause.cancel()

        def resume() -> None:
            self._pause = None
            then()

        self._pause = loop.call_at(until, resume)

    def close(self) -> None:
        """Drop the timer."""
        if self._pause is not None:
            self._pause.cancel()
