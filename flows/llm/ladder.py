"""Find out once per endpoint how an answer can be held to its schema, and remember it.

Servers differ: most take `json_schema`, some only `json_object`, llama-cpp-python wants the schema inside
`json_object`, and some take none of them. A request climbs down until a step is served; later ones go there at once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from flows.llm.outcome import EndpointFailure
from flows.llm.types import ChatRequest, Completion


@dataclass(frozen=True, slots=True)
class Step:
    """One way to ask for structured output."""

    rung: str
    with_schema: bool = False

    @property
    def name(self) -> str:
        """Name that tells it from every other step."""
        return f"{self.rung}+schema" if self.with_schema and self.rung == "json_object" else self.rung

    def response_format(self, request: ChatRequest) -> dict[str, Any] | None:
        """Give the body field that asks for it, or None to ask for nothing."""
        schema = dict(request.schema or {})
        if self.rung == "json_schema":
            return {
                "type": "json_schema",
                "json_schema": {"name": request.schema_name, "schema": schema, "strict": True},
            }
        if self.rung == "json_object":
            return {"type": "json_object", "schema": schema} if self.with_schema else {"type": "json_object"}
        return None


STEPS = (Step("json_schema", True), Step("json_object", True), Step("json_object"), Step("none"))
"""From the firmest hold to none."""

Post: TypeAlias = Callable[[ChatRequest, Step], Awaitable[Completion]]
"""Send a request at a step; raises EndpointFailure with what the endpoint said."""

GRACE = 0.05
"""Seconds that requests wait for the first one to explore: a refusal needs no model, so it comes at once."""
_PATIENCE = 3
"""A 500 that does not name the format comes this often before the format is suspected."""
_IN_VAIN = 16
"""After an exploration that every step failed, the server is unwell: so many requests pass before the next one."""


class Ladder:
    """What is known of an endpoint's structured output.

    A schema that the endpoint refuses after it took others goes down alone. `step` names where to begin when an earlier
    process has found it out: nobody waits then, and when it is refused now, it is found out anew. `grace` is how many
    seconds requests wait for the first one to explore; `learnt` is called when the step that serves is found.
    """

    def __init__(
        self, step: str | None = None, *, grace: float = GRACE, learnt: Callable[[], None] = lambda: None
    ) -> None:
        self._step = [step.name for step in STEPS].index(step) if step else 0
        self._trust = _PATIENCE if step else 0
        self._proven = False
        self._by_schema: dict[str, int] = {}
        self._grace = grace
        self._learnt = learnt
        self._explorer: asyncio.Future[None] | None = None
        self._in_vain = 0
        """Requests that go to the first step alone, since exploring found none that serves."""

    @property
    def step(self) -> str | None:
        """Name of the step that serves, or None until a request with a schema was answered."""
        return STEPS[self._step].name if self._proven else None

    @property
    def rung(self) -> str | None:
        """The rung of that step."""
        return STEPS[self._step].rung if self._proven else None

    async def ask(self, request: ChatRequest, post: Post) -> Completion:
        """Send the request at the step that serves it; raises EndpointFailure when it is not the format that fails."""
        if request.schema is None:
            return await post(request, STEPS[-1])
        step = self._known(request.schema_name)
        while step is None and self._explorer is not None and self._grace:
            explored, _ = await asyncio.wait([self._explorer], timeout=self._grace)
            step = self._known(request.schema_name)
            if not explored:
                break  # a long answer, not a refusal: those come at once
        if step is None:
            if not self._in_vain:
                return await self._explore(request, post)
            self._in_vain -= 1
            step = self._step
        try:
            completion = await post(request, STEPS[step])
            if not self._proven:
                self._learn(request.schema_name, step, None)
            return completion
        except EndpointFailure as error:
            if not error.failure.names_format or step == len(STEPS) - 1:
                if not self._proven and error.failure.may_be_format:
                    self._trust = max(0, self._trust - 1)
                raise
            return await self._climb_down(request, post, step + 1, refused=error)

    def _known(self, schema_name: str) -> int | None:
        return self._by_schema.get(schema_name, self._step if self._proven or self._trust else None)

    async def _explore(self, request: ChatRequest, post: Post) -> Completion:
        first = self._explorer is None
        if first:
            self._explorer = asyncio.get_running_loop().create_future()
        try:
            return await self._climb_down(request, post, self._step)
        finally:
            if first and self._explorer is not None:
                self._explorer.set_result(None)
                self._explorer = None

    async def _climb_down(
        self, request: ChatRequest, post: Post, top: int, *, refused: EndpointFailure | None = None
    ) -> Completion:
        """Try one step after the other; when even the last fails, the request was at fault and nothing is learnt."""
        for step in range(top, len(STEPS)):
            if step < (self._known(request.schema_name) or 0):
                continue  # another request has found out meanwhile
            try:
                completion = await self._try(request, post, step, patience=_PATIENCE if refused is None else 1)
            except EndpointFailure as error:
                if not error.failure.may_be_format:
                    raise
                refused = refused or error
                continue
            self._learn(request.schema_name, step, refused)
            return completion
        assert refused is not None
        self._in_vain = _IN_VAIN
        raise refused

    async def _try(self, request: ChatRequest, post: Post, step: int, *, patience: int) -> Completion:
        for left in reversed(range(patience)):
            try:
                return await post(request, STEPS[step])
            except EndpointFailure as error:
                if not left or error.failure.status != 500 or error.failure.names_format:
                    raise
        raise AssertionError("patience is at least 1")

    def _learn(self, schema_name: str, step: int, refused: EndpointFailure | None) -> None:
        if not self._proven:
            self._proven, self._step = True, step
            self._learnt()
        elif step > self._step and refused is not None and refused.failure.names_format:
            self._by_schema[schema_name] = step
