"""Keep as many requests in flight as serve best, in the order they came.

Every push-back (429, 503, timeout) takes half a place from the limit, so that as many push-backs as places halve it and
a few, which chance or another client may have caused, hardly matter (the proportional cut of DCTCP, RFC 8257). Once per
window, that is after as many outcomes as the limit,

    it falls by one class    when fewer in flight would give as many answers (latency.py)
    it grows by a fixed bit  when it was reached and nothing speaks against more

and before the first sign of trouble every answer adds a place, which doubles the limit within a window.
Nothing polls: a place that becomes free is handed to the one who waits longest, a pause ends by a timer of the loop.
"""

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass

from flows.llm.latency import LatencyBook
from flows.llm.policy import CallPolicy


@dataclass(frozen=True, slots=True)
class Place:
    """One request's place in flight."""

    since: float
    """Loop time in seconds."""
    level: int
    """Its class in the latency book."""


class Limiter:
    """Places in flight for one event loop; its clock is the loop's."""

    def __init__(self, policy: CallPolicy) -> None:
        self.in_flight = 0
        self._limit = float(policy.first_limit)
        self._most = policy.concurrency
        self._adaptive = policy.adaptive
        self._growth = max(1.0, policy.concurrency / 128)
        self._doubling = True
        self._book = LatencyBook()
        self._outcomes = self._pushed = 0
        self._reached = False
        self._queue: deque[asyncio.Future[Place]] = deque()
        self._pause: asyncio.TimerHandle | None = None
        self._shut = asyncio.Event()
        self._why_shut: Exception | None = None

    @property
    def limit(self) -> int:
        """Most requests in flight just now."""
        return int(self._limit)

    async def enter(self) -> Place:
        """Wait for a place; raises what `shut` was given."""
        if self._why_shut is not None:
            raise self._why_shut
        if not self._queue and self._free():
            return self._take()
        turn: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        self._hand_out()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.leave(turn.result())
            raise

    def leave(self, place: Place, *, answered: bool = False, pushed_back: bool = False) -> None:
        """Give a place back and learn from how its request ended."""
        self.in_flight -= 1
        if self._adaptive:
            seconds = asyncio.get_running_loop().time() - place.since
            self._book.ended(place.level, seconds if answered else None)
            if pushed_back:
                self._pushed += 1
                self._limit = max(1.0, self._limit - 0.5)
            elif answered and self._doubling and self._may_grow():
                self._limit = min(self._limit + 1, self._most)
            self._outcomes += answered or pushed_back
            if self._outcomes >= self._limit:
                self._judge()
        self._hand_out()

    def pause(self, seconds: float) -> None:
        """Let nobody in for so long; a longer pause that runs already stays."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        if self._pause is not None:
            if self._pause.when() >= until:
                return
            self._pause.cancel()
        self._pause = loop.call_at(until, self._resume)

    async def rest(self, seconds: float) -> None:
        """Wait outside; raises at once what `shut` is given meanwhile."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._shut.wait()
        if self._why_shut is not None:
            raise self._why_shut

    def shut(self, why: Exception) -> None:
        """Let nobody in any more, now and later; those in flight may finish."""
        if self._why_shut is not None:
            return
        self._why_shut = why
        self._shut.set()
        if self._pause is not None:
            self._pause.cancel()
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_exception(why)

    def _free(self) -> bool:
        return self._pause is None and self.in_flight < int(self._limit)

    def _take(self) -> Place:
        self.in_flight += 1
        self._reached = self._reached or self.in_flight >= int(self._limit)
        return Place(asyncio.get_running_loop().time(), self._book.sent(self.in_flight))

    def _hand_out(self) -> None:
        while self._queue and self._free():
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(self._take())

    def _resume(self) -> None:
        self._pause = None
        self._hand_out()

    def _may_grow(self) -> bool:
        return self._reached and self._limit < self._most and self._book.pays_above(self._limit)

    def _judge(self) -> None:
        lower = self._book.best_below(self._limit)
        if lower is not None:
            self._limit = min(self._limit, lower)
        elif not self._doubling and self._may_grow():
            self._limit = min(self._limit + self._growth, self._most)
        self._doubling = self._doubling and lower is None and self._pushed * 10 <= self._outcomes
        self._book.fade(self._limit)
        self._outcomes = self._pushed = 0
        self._reached = self.in_flight >= int(self._limit)
