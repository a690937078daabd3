"""Ask for the units of one shard, with every reply on disk before it is parsed."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from time import time
from typing import Any

from flows.domain.units import Dropped, Unit
from flows.errors import RejectedLLMError, StoppedError, StoreError
from flows.llm.types import LLM, ChatRequest, Completion, Message
from flows.prompting.ask import Answer, NoAnswer, ask
from flows.prompting.prompt import Prompt
from flows.recipes.model import LLMSettings, Stage
from flows.stages.fanout import drain
from flows.stages.models import concurrency
from flows.stages.outcome import Outcome, add_up, outcome_of
from flows.stages.plan import Ask, read_plan
from flows.stages.projection import from_first_rows
from flows.stages.work import Work
from flows.store.journal import Journal
from flows.store.layout import Layout
from flows.store.shards import ShardTally, leave, seal, sealed

COMPLETION = tuple(entry.name for entry in fields(Completion))
_STEPS_TO_SEND = 2
"""Rounds of the event loop until whoever got an answered request's place has sent: the server is not to wait while
replies that came together are parsed. They are written down before: what ends the run meanwhile loses none."""


@dataclass(frozen=True, slots=True)
class JournaledCall:
    """A client for one unit that answers from the journal what was answered before."""

    client: LLM
    journal: Journal
    key: str

    @property
    def model(self) -> str:
        """Name of the model behind."""
        return self.client.model

    async def complete(self, request: ChatRequest) -> Completion:
        """Answer from the journal, or ask and write the reply down; a rejection is written down too."""
        address = f"{self.key}.{request.turn}"
        known = self.journal.get(address)
        if known is None:
            known = await self._ask(request if request.key == address else replace(request, key=address))
            self.journal.append(address, known)
            for _ in range(_STEPS_TO_SEND):
                await asyncio.sleep(0)
        if "rejected" in known:
            raise RejectedLLMError(known["detail"], reason=known["rejected"])
        return Completion(**known)

    async def aclose(self) -> None:
        """Leave the client open: other units use it."""

    async def _ask(self, request: ChatRequest) -> dict[str, Any]:
        try:
            completion = await self.client.complete(request)
        except RejectedLLMError as error:
            return {"rejected": error.reason, "detail": str(error)}
        # not asdict, whose deep copies would cost more than the journal itself
        known = {name: value for name in COMPLETION if (value := getattr(completion, name)) is not None}
        return {**known, "at": round(time(), 1)}


async def run_shard(
    work: Work,
    stage: Stage,
    shard: int,
    prompt_of: Callable[[Unit], Prompt],
    build: Callable[[Unit, str, Prompt, Answer], Iterable[Any]],
) -> ShardTally:
    """Ask for every unit of a planned shard and seal what `build` makes of the answers.

    A sealed shard is left as it is; an unfinished one sends only what its journal lacks. Raises FatalLLMError and
    StoppedError.
    """
    done = sealed(work.layout, stage, shard)
    if done:
        work.progress.recount(done.created, done.dropped)
        return done
    asks = read_plan(work.layout, stage, shard)
    outcomes: dict[int, Outcome] = {}
    entries = work.loaded.recipe.entries
    with Journal(work.layout.calls(stage, shard)) as journal:

        async def ask_one(place: int) -> None:
            unit = asks[place].unit
            prompt, key = prompt_of(unit), unit.key(work.fingerprint)
            call = JournaledCall(work.clients[unit.model], journal, key)
            request = _request(unit, prompt, entries[unit.model], f"{key}.0")
            try:
                answer = await ask(call, request, prompt, calls=asks[place].calls)
            except StoreError as error:
                work.meter.close(error)  # or all who wait would still be sent, for replies that cannot be kept
                raise
            if isinstance(answer, NoAnswer):
                outcomes[place] = outcome_of((), _dropped(unit, key, answer), answer.completions)
                work.progress.finish(answer.reason)
            else:
                outcomes[place] = outcome_of(tuple(build(unit, key, prompt, answer)), None, answer.completions)
                work.progress.finish()
                from_first_rows(work)
            work.supply.finish(shard)

        try:
            # not all at once: to prepare a thousand requests keeps the replies waiting that come meanwhile
            width = min(len(asks), concurrency(work.clients, work.loaded.recipe, stage))
            await drain(ask_one, range(len(asks)), width=width)
        except StoppedError:
            _write(leave, work, stage, shard, asks, outcomes)
            raise
        # the disk takes its time, and other shards wait for nothing
        await asyncio.to_thread(journal.sync)
    return await asyncio.to_thread(_write, seal, work, stage, shard, asks, outcomes)


def _write(
    write: Callable[[Layout, str, int, list[Any], list[Dropped], ShardTally], None],
    work: Work,
    stage: str,
    shard: int,
    asks: Sequence[Ask],
    outcomes: Mapping[int, Outcome],
) -> ShardTally:
    """Seal a shard, or leave it as far as it is."""
    ordered = [(asks[place].unit, outcomes[place]) for place in sorted(outcomes)]
    out = [made for _, outcome in ordered for made in outcome.made]
    dropped = [outcome.dropped for _, outcome in ordered if outcome.dropped]
    tally = add_up(ordered)
    write(work.layout, stage, shard, out, dropped, tally)
    return tally


def _request(unit: Unit, prompt: Prompt, settings: LLMSettings, key: str) -> ChatRequest:
    return ChatRequest(
        messages=(Message("user", prompt.render(unit.variables)),),
        schema=prompt.schema,
        schema_name=prompt.schema_name,
        temperature=settings.temperature,
        top_p=settings.top_p,
        max_tokens=settings.max_tokens,
        logprobs=settings.logprobs,
        extra=settings.extra,
        prompt=prompt.name,
        variables=unit.variables,
        wording=prompt.wording,
        key=key,
    )


def _dropped(unit: Unit, key: str, answer: NoAnswer) -> Dropped:
    content = {**asdict(unit), "reply": answer.completions[-1].text if answer.completions else None}
    return Dropped(key, answer.reason, answer.detail, content)
