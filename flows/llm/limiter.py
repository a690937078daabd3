"""Learn how many requests in flight an endpoint serves best.

Every push-back (429, 503, timeout) takes half a place from the limit, so that as many push-backs as places halve it and
a few, which chance or another client may have caused, hardly matter (the proportional cut of DCTCP, RFC 8257). Once per
window, that is after as many outcomes as the limit,

    it falls by one class    when fewer in flight would give as many answers (latency.py)
    it grows by a fixed bit  when it was reached and nothing speaks against more
    it is lowered for a try  when too little is known of fewer in flight

and when an endpoint is back after it failed every answer adds a place, which doubles the limit within a window.
It begins with all places: the first replies tell whether they are too many.
"""

import asyncio
from dataclasses import dataclass

from flows.llm.latency import LatencyBook
from flows.llm.policy import CallPolicy

_UNSURE = 5
"""Windows without knowing enough of fewer in flight before that is tried."""
_AGEING = 0.05
"""What a window counts for when enough was known: servers change."""


@dataclass(frozen=True, slots=True)
class Place:
    """One request's place in flight."""

    since: float
    """Loop time in seconds."""
    in_flight: int
    """Requests in flight when it went out, itself included."""


class Limiter:
    """Places in flight at one endpoint, for one event loop; its clock is the loop's."""

    def __init__(self, policy: CallPolicy) -> None:
        self.in_flight = 0
        self._limit = float(policy.concurrency)
        self._most = policy.concurrency
        self._adaptive = policy.adaptive
        self._growth = max(1.0, policy.concurrency / 128)
        self._doubling = True
        self._book = LatencyBook()
        self._outcomes = self._pushed = 0
        self._reached = False
        self._first_window = True
        self._unsure = 0.0
        """Windows in which too little was known of fewer in flight."""
        self._back: float | None = None
        """The limit to go back to after a try of a lower one."""

    @property
    def limit(self) -> int:
        """Most requests in flight just now."""
        return int(self._limit)

    @property
    def free(self) -> bool:
        """Whether one more may go."""
        return self.in_flight < int(self._limit)

    def take(self) -> Place:
        """Take a place for a request that is sent now."""
        self.in_flight += 1
        self._reached = self._reached or self.in_flight >= int(self._limit)
        self._book.sent(self.in_flight)
        return Place(asyncio.get_running_loop().time(), self.in_flight)

    def leave(self, place: Place, *, answered: bool = False, pushed_back: bool = False) -> None:
        """Give a place back and learn from how its request ended."""
        self.in_flight -= 1
        if not self._adaptive:
            return
        seconds = asyncio.get_running_loop().time() - place.since
        self._book.ended(place.in_flight, seconds if answered else None)
        if pushed_back:
            self._pushed += 1
            self._limit, self._back = max(1.0, self._limit - 0.5), None
        elif answered and self._doubling and self._may_grow():
            self._limit = min(self._limit + 1, self._most)
        self._outcomes += answered or pushed_back
        if self._outcomes >= self._limit:
            self._judge()

    def recover(self) -> None:
        """Grow as at the start again: the endpoint is back after it failed."""
        self._doubling = True

    def _may_grow(self) -> bool:
        return self._reached and self._limit < self._most and self._book.pays_above(self._limit)

    def _judge(self) -> None:
        book, before = self._book, self._limit
        if self._first_window:
            book.doubt()
            self._first_window = False
        lower = book.best_below(before)
        if lower is not None:
            self._limit, self._back = min(before, lower), None
        elif self._back is not None:
            if book.sure(before):
                self._limit, self._back = self._back, None
        elif self._unsure >= _UNSURE and not (self._doubling and self._may_grow()):
            self._limit, self._back, self._unsure = min(before, book.below(before)), before, 0.0
        elif not self._doubling and self._may_grow():
            self._limit = min(before + self._growth, self._most)
        if self._reached:
            self._unsure += _AGEING if book.sure(book.below(self._limit)) else 1.0
        self._doubling = self._doubling and lower is None and self._pushed * 10 <= self._outcomes
        self._book.fade(self._limit)
        self._outcomes = self._pushed = 0
        self._reached = self.in_flight >= int(self._limit)
