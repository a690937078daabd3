"""Keep an engine of our own alive: started by the first request, started again when it dies, ended at the end.

A request that was under way when the engine died is asked again of the next one. Should a request be what kills it,
those that were under way twice are asked one at a time, and whichever is under way at one more death is given up.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Protocol, TypeAlias

from flows.errors import FatalLLMError, RejectedLLMError, StoppedError, TransientLLMError, TriplesmithError
from flows.llm.resilient import Resilient, SilentError
from flows.llm.survey import Facts
from flows.llm.traffic import Traffic, sum_traffic
from flows.llm.types import LLM, ChatRequest, Completion

SUSPECT = 2
"""Deaths that a request must have been under way at before it is asked alone."""
GUILTY = 3
"""Deaths after which a request is given up."""
DEATHS = 5
"""Deaths in a row, each soon after the start, that end the run."""
PAUSE = 1.0
"""Seconds, doubled with each of them, before the next start."""
_log = logging.getLogger(__name__)


class EngineEnded(TriplesmithError):
    """An engine is over; never leaves the layer that starts the next one."""


class Life(Protocol):
    """An engine from its start to its end."""

    @property
    def client(self) -> Resilient:
        """What asks it; its only inner model is a Witness."""
        ...

    async def ended(self) -> str:
        """Wait until it is over, and say why."""
        ...

    async def stop(self) -> None:
        """End it, if it is not over, and free what it held."""
        ...


Start: TypeAlias = Callable[[], Awaitable[Life]]
"""Start an engine that answers; raises FatalLLMError when it cannot be."""
_Watched: TypeAlias = tuple[Life, asyncio.Task[None]]
"""An engine, and the task that ends after it."""


class Witness:
    """A model that remembers which requests it was sent and did not answer."""

    def __init__(self, inner: LLM) -> None:
        self.inner = inner
        self._open: set[int] = set()

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.inner.model

    async def complete(self, request: ChatRequest) -> Completion:
        """Answer; only what fails for a while stays open."""
        self._open.add(id(request))
        try:
            completion = await self.inner.complete(request)
        except TransientLLMError:
            raise
        except BaseException:
            self._open.discard(id(request))
            raise
        self._open.discard(id(request))
        return completion

    def saw(self, request: ChatRequest) -> bool:
        """Whether the request was under way, at the end."""
        return id(request) in self._open

    async def aclose(self) -> None:
        """Close the inner model."""
        await self.inner.aclose()


class Supervised:
    """A model behind an engine that is kept alive; one instance serves one event loop.

    `look` checks that a start may succeed, `enough` is the answers from which a life was no failure, and `log` is the
    engine's log, removed at the end if all went well. A first start that fails is a FatalLLMError; an engine
    that keeps dying is a StoppedError, since the run can go on later.
    """

    def __init__(self, start: Start, look: Callable[[], Facts], *, model: str, enough: int, log: Path) -> None:
        self.model = model
        self._own = Traffic()
        self._traffic: list[Traffic] = []
        self._start = start
        self._look = look
        self._enough = enough
        self._log = log
        self._alone = asyncio.Lock()
        self._beginning: asyncio.Task[_Watched] | None = None
        self._deaths = 0
        self._over: TriplesmithError | None = None

    @property
    def traffic(self) -> Traffic:
        """Counters of all lives together."""
        total = sum_traffic([self._own, *self._traffic])
        total.limit = self._traffic[-1].limit if self._traffic else 0
        return total

    async def complete(self, request: ChatRequest) -> Completion:
        """Answer; raises RejectedLLMError, FatalLLMError and StoppedError."""
        seen = 0
        while True:
            async with self._alone if seen >= SUSPECT else nullcontext():
                life, end = await self._living()
                try:
                    return await life.client.complete(request)
                except EngineEnded as error:
                    why = str(error)
                except SilentError as error:
                    why = str(error)
                    await life.stop()  # as good as dead
                await asyncio.shield(end)
            (witness,) = life.client.inners
            seen += isinstance(witness, Witness) and witness.saw(request)
            if seen >= GUILTY:
                self._own.rejected += 1
                raise RejectedLLMError(f"vLLM died {seen} times over this request: {why}", reason="unanswered")

    async def survey(self) -> Facts:
        """Check that the engine could be started."""
        return await asyncio.to_thread(self._look)

    async def aclose(self) -> None:
        """End the engine."""
        well = self._over is None
        self._over = self._over or StoppedError("the client of this model was closed")
        if self._beginning is not None:
            if not self._beginning.done():
                self._beginning.cancel()
            await asyncio.wait([self._beginning])
            if not self._beginning.cancelled() and self._beginning.exception() is None:
                life, end = self._beginning.result()
                await life.client.aclose()
                await life.stop()
                await asyncio.wait([end])
        if well:
            self._log.unlink(missing_ok=True)

    async def _living(self) -> _Watched:
        """Give the engine that lives, starting one if none does."""
        if self._over is not None:
            raise self._over
        if self._beginning is None:
            self._beginning = asyncio.create_task(self._begin())
        beginning = self._beginning
        try:
            return await asyncio.shield(beginning)
        except asyncio.CancelledError:
            if self._over is not None and beginning.cancelled():
                raise self._over from None
            raise

    async def _begin(self) -> _Watched:
        self._own.state = f"{'restarting' if self._traffic else 'starting'} vLLM (log: {self._log})"
        try:
            while True:
                if self._deaths > 1:
                    await asyncio.sleep(PAUSE * 2**self._deaths)  # what it died of may pass, memory for one
                try:
                    life = await self._start()
                except FatalLLMError as error:
                    if not self._traffic:
                        raise
                    self._died(str(error), 0)
                else:
                    break
        except TriplesmithError as error:
            self._over = error
            raise
        finally:
            self._own.state = ""
        self._traffic.append(life.client.traffic)
        return life, asyncio.create_task(self._watch(life))

    async def _watch(self, life: Life) -> None:
        """Wait for the end of a life and let the requests know."""
        why = await life.ended()
        try:
            if self._over is None:
                self._died(why, life.client.traffic.answered)
        except StoppedError as stop:
            self._over = stop
        finally:
            life.client.shut(self._over or EngineEnded(why))
            await life.stop()
            await life.client.aclose()
            self._beginning = None

    def _died(self, why: str, answered: int) -> None:
        """Count a death; raises StoppedError when there were too many."""
        _log.warning("vLLM ended after %d answers: %s", answered, why)
        self._deaths = 1 if answered >= self._enough else self._deaths + 1
        if self._deaths > DEATHS:
            raise StoppedError(f"stopped: vLLM died {self._deaths} times in a row; {why}. Run again to continue.")
