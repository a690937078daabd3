"""What goes to a model, what comes back, and what a client is."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from flows.domain.records import Json


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One question to a model."""

    messages: tuple[Message, ...]
    schema: Mapping[str, Json] | None = None
    """JSON Schema of the reply, or None for free text."""
    schema_name: str = "reply"
    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 4096
    seed: int | None = None
    logprobs: bool = False
    """Whether to say how probable each token of the answer was."""
    extra: Mapping[str, Json] = field(default_factory=dict)
    """Further body fields for the endpoint, as the recipe gives them."""
    prompt: str = ""
    """Name of the prompt: with `variables` and `turn` the address of a recorded reply; never sent."""
    variables: Mapping[str, Json] = field(default_factory=dict)
    wording: str = ""
    """Digest of the prompt's words; never sent."""
    key: str = ""
    """Stable address of the request within its run; never sent."""
    turn: int = 0
    """0 for the first call of a unit, 1 for the one that follows a bad or cut reply."""

    def with_more_tokens(self, factor: int = 2) -> "ChatRequest":
        """Give the same question with room for a longer answer."""
        return replace(self, max_tokens=self.max_tokens * factor, turn=self.turn + 1)


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer, raw."""

    text: str
    finish: str = "stop"
    """stop, length, content_filter or refusal, whatever the server calls it otherwise."""
    model: str = ""
    """Name the server gave for the model that answered."""
    tokens_in: int = 0
    tokens_out: int = 0
    rung: str = "none"
    """Which rung of structured output served: json_schema, json_object or none."""
    reasoning: str | None = None
    """Thinking that the server returned apart from the answer."""
    recorded: bool = False
    wording: str | None = None
    """For a recorded reply, the digest of the prompt's words it was made with."""
    logprobs: tuple[float, ...] | None = None
    """Log-probability of each token of the answer, when they were asked for."""
    at: float | None = field(default=None, compare=False)
    """Unix time at which a run had the answer; None before it is in the journal."""


class LLM(Protocol):
    """A model that can be asked."""

    @property
    def model(self) -> str:
        """Name of the model, for provenance and the manifest."""
        ...

    async def complete(self, request: ChatRequest) -> Completion:
        """Answer, or raise TransientLLMError, RejectedLLMError or FatalLLMError."""
        ...

    async def aclose(self) -> None:
        """Give back connections and files."""
        ...


def at_once(llm: LLM) -> int | None:
    """Give the number of requests that a client wants together, None where the recipe decides."""
    wanted = getattr(unwrap(llm), "at_once", None)
    return wanted if isinstance(wanted, int) else None


def unwrap(llm: LLM) -> LLM:
    """Give the client inside those that only watch it: a recorder, a meter."""
    while (inner := getattr(llm, "inner", None)) is not None:
        llm = inner
    return llm
