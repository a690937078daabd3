"""Turn a request into a body of the chat completions API, and its reply into a completion."""

import json
from dataclasses import dataclass
from typing import Any

import orjson

from flows.errors import RejectedLLMError, TransientLLMError
from flows.llm.ladder import Step
from flows.llm.outcome import EndpointFailure, error_in, one_line
from flows.llm.types import ChatRequest, Completion

_FINISH = {
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "content_filter": "content_filter",
    "safety": "content_filter",
    "recitation": "content_filter",
    "prohibited_content": "content_filter",
    "refusal": "refusal",
}
_BROKEN_OFF = frozenset({"abort", "error", "cancelled"})


@dataclass(frozen=True, slots=True)
class Dialect:
    """What an endpoint was found to take differently."""

    completion_tokens: bool = False
    """It wants `max_completion_tokens` in place of `max_tokens`."""
    without: frozenset[str] = frozenset()
    """Parameters that it refuses."""

    def adapted(self, parameter: str) -> "Dialect":
        """Give the dialect that does without a refused parameter."""
        if parameter == "max_tokens" and not self.completion_tokens:
            return Dialect(True, self.without)
        return Dialect(self.completion_tokens, self.without | {parameter})


def encode(request: ChatRequest, model: str, step: Step, dialect: Dialect, *, capped: bool = True) -> bytes:
    """Give the body's bytes, without a limit on the answer's length unless `capped`; raises RejectedLLMError."""
    body: dict[str, Any] = {
        "model": model,
        "messages": request.messages,
        "temperature": request.temperature,
        "top_p": request.top_p,
    }
    if capped:
        body["max_completion_tokens" if dialect.completion_tokens else "max_tokens"] = request.max_tokens
    if request.seed is not None:
        body["seed"] = request.seed
    if request.logprobs:
        body["logprobs"] = True
    if (response_format := step.response_format(request)) is not None:
        body["response_format"] = response_format
    body.update(request.extra)
    for parameter in dialect.without:
        body.pop(parameter, None)
    try:
        return orjson.dumps(body)
    except TypeError as error:
        raise RejectedLLMError(f"the request cannot be written as JSON: {error}", reason="bad_request") from None


def decode(payload: bytes, *, where: str, rung: str, secret: str = "") -> Completion:
    """Read a reply of status 200.

    Raises TransientLLMError when it is no completion, and EndpointFailure when it holds an error instead.
    """
    return read_answer(_parse(payload, where, secret), where=where, rung=rung, secret=secret)


def read_answer(answer: dict[str, Any], *, where: str, rung: str, secret: str = "") -> Completion:
    """Read the parsed body of a reply of status 200; raises as `decode` does."""
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices:
        if answer.get("error"):
            raise EndpointFailure(error_in(answer, secret=secret))
        raise TransientLLMError(f"{where} answered without a choice", kind="bad_body")
    choice = choices[0]
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        raise TransientLLMError(f"{where} answered without a message", kind="bad_body")
    said = str(choice.get("finish_reason") or "stop").lower()
    if said in _BROKEN_OFF:
        raise TransientLLMError(f"{where} broke the answer off ({said})", kind="server_error")
    text, refusal = _content(message)
    usage = answer.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    reasoning = message.get("reasoning_content") or message.get("reasoning")
    return Completion(
        text=text or refusal,
        finish="refusal" if refusal else _FINISH.get(said, "stop"),
        model=str(answer.get("model") or ""),
        tokens_in=_count(usage.get("prompt_tokens")),
        tokens_out=_count(usage.get("completion_tokens")),
        rung=rung,
        reasoning=_whole(reasoning) if isinstance(reasoning, str) else None,
        logprobs=_logprobs(choice.get("logprobs")),
    )


def _parse(payload: bytes, where: str, secret: str) -> dict[str, Any]:
    answer: Any
    try:
        answer = orjson.loads(payload)
    except orjson.JSONDecodeError:
        try:
            answer = json.loads(payload, strict=False)  # takes escapes of half a surrogate pair, which orjson does not
        except (ValueError, RecursionError):
            start = one_line(payload[:120].decode("utf-8", "replace"), secret=secret, width=80)
            raise TransientLLMError(
                f"{where} answered with something other than JSON: {start}", kind="bad_body"
            ) from None
    if not isinstance(answer, dict):
        raise TransientLLMError(f"{where} answered with JSON that is no object", kind="bad_body")
    return answer


def _content(message: dict[str, Any]) -> tuple[str, str]:
    """Give the answer and the refusal; content may be null, a text or a list of parts."""
    content, refusal = message.get("content"), message.get("refusal") or ""
    if isinstance(content, list):
        parts = [part for part in content if isinstance(part, dict)]
        content = "".join(str(part["text"]) for part in parts if isinstance(part.get("text"), str))
        refusal = refusal or "".join(str(part["refusal"]) for part in parts if part.get("refusal"))
    return _whole(content if isinstance(content, str) else ""), _whole(str(refusal))


def _whole(text: str) -> str:
    """Replace halves of surrogate pairs by U+FFFD: they cannot be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _count(value: object) -> int:
    return int(value) if isinstance(value, (int, float)) and value == value and abs(value) < 2**53 else 0


def _logprobs(value: object) -> tuple[float, ...] | None:
    content = value.get("content") if isinstance(value, dict) else None
    if not isinstance(content, list):
        return None
    return tuple(float(token["logprob"]) for token in content if isinstance(token, dict) and "logprob" in token)
