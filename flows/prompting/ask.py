"""Get one checked answer from a model, or the reason why there is none."""

from dataclasses import dataclass, replace
from typing import Any

from flows.errors import RejectedLLMError
from flows.llm.types import LLM, ChatRequest, Completion, Message
from flows.prompting.extract import Complaint, read_reply
from flows.prompting.prompt import Prompt


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply that has what the prompt asked for."""

    fields: dict[str, Any]
    completions: tuple[Completion, ...]
    """All replies that were paid for; the last one holds the fields."""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why a unit ends without an answer."""

    reason: str
    detail: str
    completions: tuple[Completion, ...] = ()


async def ask(client: LLM, request: ChatRequest, prompt: Prompt, *, calls: int = 2) -> Answer | NoAnswer:
    """Ask at most `calls` times: a cut reply again with more tokens, a bad one once more with the complaint.

    Raises FatalLLMError and StoppedError; what concerns this request alone becomes a NoAnswer.
    """
    completions: list[Completion] = []
    while True:
        try:
            completion = await client.complete(request)
        except RejectedLLMError as error:
            return NoAnswer(error.reason, str(error), tuple(completions))
        completions.append(completion)
        last = len(completions) >= calls
        if completion.finish in ("refusal", "content_filter"):
            return NoAnswer(completion.finish, completion.text[:200], tuple(completions))
        if completion.finish == "length":
            if last:
                limit = request.max_tokens
                return NoAnswer("truncated", f"cut at {limit} tokens", tuple(completions))
            request = request.with_more_tokens()
            continue
        reply = read_reply(completion.text, prompt.reply)
        if not isinstance(reply, Complaint):
            return Answer(reply.fields, tuple(completions))
        if last:
            return NoAnswer(reply.reason, reply.detail, tuple(completions))
        request = _correction(request, completion, reply)


def _correction(request: ChatRequest, completion: Completion, complaint: Complaint) -> ChatRequest:
    words = (
        f"That answer cannot be used: {complaint.detail}. "
        "Answer again with the JSON object alone, with every key that was asked for."
    )
    shown = completion.text.encode("utf-8", "replace").decode()
    messages = (*request.messages, Message("assistant", shown or "(nothing)"), Message("user", words))
    return replace(request, messages=messages, turn=request.turn + 1)
