"""Count what has been paid for, and stop before a budget is passed.

What a request in flight will cost is not known before its answer; it is counted at the mean of those before it, so that
a budget is passed by the variance of the last few at most, not by all that are in flight.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import TypeAlias

from flows.errors import StoppedError, TriplesmithError
from flows.llm.types import LLM, ChatRequest, Completion

Rates: TypeAlias = tuple[float, float]
"""US dollars for a token read and for one written."""

_PRIOR = 20
"""Answers that outweigh what was expected before the first one."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that a run may spend; None is no limit."""

    max_requests: int | None = None
    max_tokens: int | None = None
    max_cost: float | None = None
    """US dollars."""


@dataclass(frozen=True, slots=True)
class Paid:
    """What was paid for."""

    requests: int = 0
    """Answered ones: what a server turned away costs nothing."""
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    """US dollars; 0 for a model without a price."""

    def __add__(self, other: "Paid") -> "Paid":
        return Paid(*(getattr(self, entry.name) + getattr(other, entry.name) for entry in fields(Paid)))

    def __sub__(self, other: "Paid") -> "Paid":
        return Paid(*(getattr(self, entry.name) - getattr(other, entry.name) for entry in fields(Paid)))

    @property
    def tokens(self) -> int:
        """Tokens read and written."""
        return self.tokens_in + self.tokens_out


class Meter:
    """What a run has paid so far, in this process and before it.

    `expected` is what one request is thought to cost before any was answered. Where several processes share a run,
    `others` gives what the others have paid since they began, those in flight included, and `changed` is told this
    process's part, likewise.
    """

    def __init__(
        self,
        budget: Budget,
        rates: Mapping[str, Rates],
        *,
        before: Paid | None = None,
        expected: Paid | None = None,
        others: Callable[[], Paid] = Paid,
        changed: Callable[[Paid], None] | None = None,
    ) -> None:
        self._budget = budget
        self._rates = rates
        self._before = before or Paid()
        self._expected = expected or Paid()
        self._others = others
        self._changed = changed
        self._limits = any(getattr(budget, entry.name) is not None for entry in fields(Budget))
        self._closed: TriplesmithError | None = None
        self._in_flight = 0
        self._requests = self._tokens_in = self._tokens_out = 0
        self._cost = 0.0

    @property
    def own(self) -> Paid:
        """What this process has paid."""
        return Paid(self._requests, self._tokens_in, self._tokens_out, self._cost)

    @property
    def paid(self) -> Paid:
        """What the whole run has paid."""
        return self._before + self.own + self._others()

    def mean(self) -> Paid:
        """What one more request is expected to cost; `requests` is 1."""
        paid, expected = self.paid, self._expected
        weight = paid.requests + _PRIOR
        return Paid(
            1,
            round((paid.tokens_in + _PRIOR * expected.tokens_in) / weight),
            round((paid.tokens_out + _PRIOR * expected.tokens_out) / weight),
            (paid.cost + _PRIOR * expected.cost) / weight,
        )

    def close(self, why: TriplesmithError) -> None:
        """Admit nothing more: what is answered could not be kept."""
        self._closed = why

    def add(self, paid: Paid) -> None:
        """Count what another process of the run has paid."""
        self._before += paid

    def admit(self) -> None:
        """Count a request as in flight; raises what `close` was given, StoppedError when the budget has no room."""
        if self._closed is not None:
            raise self._closed
        if self._limits:
            self._check()
        self._in_flight += 1
        self._say()

    def settle(self, entry: str, completion: Completion | None) -> None:
        """Count a request as ended, with its answer if one came."""
        self._in_flight -= 1
        if completion is not None:
            self._count(entry, completion)
        self._say()

    def _count(self, entry: str, completion: Completion) -> None:
        read, write = self._rates.get(entry, (0.0, 0.0))
        self._requests += 1
        self._tokens_in += completion.tokens_in
        self._tokens_out += completion.tokens_out
        self._cost += completion.tokens_in * read + completion.tokens_out * write

    def _say(self) -> None:
        if self._changed is None:
            return
        own, each, waiting = self.own, self.mean(), self._in_flight
        expected = Paid(waiting, waiting * each.tokens_in, waiting * each.tokens_out, waiting * each.cost)
        self._changed(own + expected)

    def _check(self) -> None:
        paid, mean, budget = self.paid, self.mean(), self._budget
        more = self._in_flight + 1
        for name, limit, spent, each, words in (
            ("max_requests", budget.max_requests, paid.requests, 1, f"{paid.requests} requests"),
            ("max_tokens", budget.max_tokens, paid.tokens, mean.tokens, f"{paid.tokens} tokens"),
            ("max_cost", budget.max_cost, paid.cost, mean.cost, f"{paid.cost:.4f} US dollars"),
        ):
            if limit is not None and spent + more * each > limit * (1 + 1e-9):
                waiting = f", {self._in_flight} requests in flight" if self._in_flight else ""
                raise StoppedError(
                    f"the budget limits.{name} = {limit:g} has no room for a further request ({words} spent{waiting}); "
                    f"to go on, run again with more, such as --set limits.{name}={2 * limit:g}"
                )


class Metered:
    """A model whose requests the meter admits and counts; what its inner model is asked is paid for."""

    def __init__(self, inner: LLM, meter: Meter, entry: str) -> None:
        self.inner = inner
        self._meter = meter
        self._entry = entry

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.inner.model

    async def complete(self, request: ChatRequest) -> Completion:
        """Answer through the inner model; raises StoppedError without asking when the budget is used up."""
        self._meter.admit()
        completion: Completion | None = None
        try:
            completion = await self.inner.complete(request)
        finally:
            self._meter.settle(self._entry, completion)
        return completion

    async def aclose(self) -> None:
        """Close the inner model."""
        await self.inner.aclose()
