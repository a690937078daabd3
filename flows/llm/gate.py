"""Let requests to the endpoints of a model in the order they came, each to the one with most room.

Nothing polls: a place that becomes free is handed to the one who waits longest, a pause ends by a timer of the loop.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress

from flows.llm.lane import Lane
from flows.llm.limiter import Place


class Gate:
    """The queue before one or more lanes."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self.lanes = tuple(lanes)
        self._queue: OrderedDict[asyncio.Future[tuple[Lane, Place]], Lane | None] = OrderedDict()
        self._shut = asyncio.Event()
        self._why_shut: Exception | None = None

    @property
    def wait(self) -> float:
        """Seconds until some lane may be asked."""
        return min((lane.wait for lane in self.lanes if lane.out is None), default=0.0)

    async def enter(self, avoid: Lane | None = None) -> tuple[Lane, Place]:
        """Wait for a place, elsewhere than at `avoid` while another lane is open; raises what `shut` was given."""
        if self._why_shut is not None:
            raise self._why_shut
        if not self._queue and (lane := self._roomiest(avoid)):
            return lane, lane.take()
        turn: asyncio.Future[tuple[Lane, Place]] = asyncio.get_running_loop().create_future()
        self._queue[turn] = avoid
        self.hand_out()
        try:
            return await turn
        except asyncio.CancelledError:
            self._queue.pop(turn, None)
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.leave(*turn.result())
            raise

    def leave(self, lane: Lane, place: Place, *, answered: bool = False, pushed_back: bool = False) -> None:
        """Give a place back."""
        lane.leave(place, answered=answered, pushed_back=pushed_back)
        self.hand_out()

    def hand_out(self) -> None:
        """Give every free place to the first who may take it."""
        while (found := self._next()) is not None:
            turn, lane = found
            del self._queue[turn]
            if not turn.done():
                turn.set_result((lane, lane.take()))

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
        for lane in self.lanes:
            lane.close()
        while self._queue:
            turn, _ = self._queue.popitem(last=False)
            if not turn.done():
                turn.set_exception(why)

    def _next(self) -> tuple[asyncio.Future[tuple[Lane, Place]], Lane] | None:
        """Give the first who may go, and where; those who failed where there is room let others pass."""
        if any(lane.free for lane in self.lanes):
            for turn, avoid in self._queue.items():
                if lane := self._roomiest(avoid):
                    return turn, lane
        return None

    def _roomiest(self, avoid: Lane | None) -> Lane | None:
        """Give the free lane with most room, if there is one."""
        lanes = self.lanes
        if len(lanes) == 1:
            return lanes[0] if lanes[0].free else None
        if avoid is not None and any(lane.open for lane in lanes if lane is not avoid):
            lanes = tuple(lane for lane in lanes if lane is not avoid)
        return min((lane for lane in lanes if lane.free), key=lambda lane: lane.load, default=None)
