"""Ask for the units of one shard, with every reply on disk before it is parsed."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from time import time
from typing import Any

from flows.domain.units import Dropped, Unit
from flows.errors import RejectedLLMError, StoppedError
from flows.llm.types import LLM, ChatRequest, Completion, Message
from flows.prompting.ask import Answer, NoAnswer, ask
from flows.prompting.prompt import Prompt
from flows.recipes.model import LLMSettings
from flows.stages.fanout import drain
from flows.stages.plan import Ask, read_plan
from flows.stages.projection import from_first_rows
from flows.stages.work import Work
from flows.store.journal import Journal
from flows.store.layout import Layout
from flows.store.shards import ModelTally, Pace, ShardTally, add_paces, leave, seal, sealed

COMPLETION = tuple(entry.name for entry in fields(Completion))


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
            known = await self._ask(replace(request, key=address))
            self.journal.append(address, known)
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


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one unit ended."""

    made: tuple[Any, ...]
    """What its answer gave."""
    dropped: Dropped | None
    calls: int
    tokens_in: int
    tokens_out: int
    pace: Pace


async def run_shard(
    work: Work,
    stage: str,
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
    with Journal(work.layout.calls(stage, shard)) as journal:

        async def ask_one(place: int) -> None:
            unit = asks[place].unit
            prompt, key = prompt_of(unit), unit.key(work.fingerprint)
            call = JournaledCall(work.clients[unit.model], journal, key)
            request = _request(unit, prompt, work.loaded.recipe.entries[unit.model])
            answer = await ask(call, request, prompt, calls=asks[place].calls)
            if isinstance(answer, NoAnswer):
                outcomes[place] = _outcome((), _dropped(unit, key, answer), answer.completions)
                work.progress.finish(answer.reason)
            else:
                outcomes[place] = _outcome(tuple(build(unit, key, prompt, answer)), None, answer.completions)
                work.progress.finish()
                from_first_rows(work)

        try:
            await drain(ask_one, range(len(asks)), width=len(asks))
        except StoppedError:
            _write(leave, work, stage, shard, asks, outcomes)
            raise
        journal.sync()
    return _write(seal, work, stage, shard, asks, outcomes)


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
    reasons = Counter(entry.reason for entry in dropped)
    requests: Counter[str] = Counter()
    models: dict[str, ModelTally] = {}
    for unit, outcome in ordered:
        requests[unit.family] += outcome.calls
        models[unit.model] = models.get(unit.model, ModelTally()) + _account(outcome)
    pace = add_paces(*(outcome.pace for _, outcome in ordered))
    tally = ShardTally(len(ordered), len(out), dict(reasons), dict(requests), models, pace)
    write(work.layout, stage, shard, out, dropped, tally)
    return tally


def _outcome(made: tuple[Any, ...], dropped: Dropped | None, calls: Sequence[Completion]) -> Outcome:
    # a unit that was refused without a reply was a request all the same
    tokens = sum(call.tokens_in for call in calls), sum(call.tokens_out for call in calls)
    return Outcome(made, dropped, max(1, len(calls)), *tokens, _pace(calls))


def _pace(calls: Sequence[Completion]) -> Pace:
    pace: Pace = {}
    for call in calls:
        if call.at is not None:
            pace = add_paces(pace, {str(int(call.at)): (1, call.tokens_out)})
    return pace


def _account(outcome: Outcome) -> ModelTally:
    reasons = {outcome.dropped.reason: 1} if outcome.dropped else {}
    return ModelTally(1, 1 - len(reasons), reasons, outcome.calls, outcome.tokens_in, outcome.tokens_out)


def _request(unit: Unit, prompt: Prompt, settings: LLMSettings) -> ChatRequest:
    return ChatRequest(
        messages=(Message("user", prompt.render(unit.variables)),),
        schema=prompt.schema,
        schema_name=prompt.name.replace("/", "_"),
        temperature=settings.temperature,
        top_p=settings.top_p,
        max_tokens=settings.max_tokens,
        logprobs=settings.logprobs,
        extra=settings.extra,
        prompt=prompt.name,
        variables=unit.variables,
        wording=prompt.wording,
    )


def _dropped(unit: Unit, key: str, answer: NoAnswer) -> Dropped:
    content = {**asdict(unit), "reply": answer.completions[-1].text if answer.completions else None}
    return Dropped(key, answer.reason, answer.detail, content)
