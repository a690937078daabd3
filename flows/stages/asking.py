"""Ask for the units of one shard, with every reply on disk before it is parsed."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from flows.domain.units import Dropped, Unit
from flows.errors import RejectedLLMError
from flows.llm.types import LLM, ChatRequest, Completion, Message
from flows.prompting.ask import Answer, NoAnswer, ask
from flows.prompting.prompt import Prompt
from flows.recipes.model import LLMSettings
from flows.stages.fanout import drain
from flows.stages.plan import read_plan
from flows.stages.work import Work
from flows.store.journal import Journal
from flows.store.shards import ShardTally, seal, sealed

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
            known = await self._ask(request)
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
        return {name: value for name in COMPLETION if (value := getattr(completion, name)) is not None}


@dataclass(slots=True)
class Spent:
    """Requests and tokens of a shard so far."""

    requests: Counter[str] = field(default_factory=Counter)
    """Family -> calls answered."""
    tokens: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Model -> tokens read and written."""

    def add(self, family: str, calls: Sequence[Completion]) -> None:
        """Count the calls of one unit."""
        # a unit that was refused without a reply was a request all the same
        self.requests[family] += max(1, len(calls))
        for call in calls:
            read, written = self.tokens.get(call.model, (0, 0))
            self.tokens[call.model] = (read + call.tokens_in, written + call.tokens_out)


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
    outcomes: dict[int, list[Any] | Dropped] = {}
    spent = Spent()
    with Journal(work.layout.calls(stage, shard)) as journal:

        async def ask_one(place: int) -> None:
            unit = asks[place].unit
            prompt, key = prompt_of(unit), unit.key(work.fingerprint)
            call = JournaledCall(work.client, journal, key)
            answer = await ask(call, _request(unit, prompt, work.loaded.recipe.llm), prompt, calls=asks[place].calls)
            spent.add(unit.family, answer.completions)
            if isinstance(answer, NoAnswer):
                outcomes[place] = _dropped(unit, key, answer)
                work.progress.finish(answer.reason)
            else:
                outcomes[place] = list(build(unit, key, prompt, answer))
                work.progress.finish()

        await drain(ask_one, range(len(asks)), width=len(asks))
        journal.sync()
    ordered = [outcomes[place] for place in range(len(asks))]
    out = [made for outcome in ordered if not isinstance(outcome, Dropped) for made in outcome]
    dropped = [outcome for outcome in ordered if isinstance(outcome, Dropped)]
    reasons = Counter(entry.reason for entry in dropped)
    tally = ShardTally(len(asks), len(out), dict(reasons), dict(spent.requests), spent.tokens)
    seal(work.layout, stage, shard, out, dropped, tally)
    return tally


def _request(unit: Unit, prompt: Prompt, settings: LLMSettings) -> ChatRequest:
    return ChatRequest(
        messages=(Message("user", prompt.render(unit.variables)),),
        schema=prompt.schema,
        schema_name=prompt.name.replace("/", "_"),
        temperature=settings.temperature,
        top_p=settings.top_p,
        max_tokens=settings.max_tokens,
        extra=settings.extra,
        prompt=prompt.name,
        variables=unit.variables,
        wording=prompt.wording,
    )


def _dropped(unit: Unit, key: str, answer: NoAnswer) -> Dropped:
    content = {**asdict(unit), "reply": answer.completions[-1].text if answer.completions else None}
    return Dropped(key, answer.reason, answer.detail, content)
