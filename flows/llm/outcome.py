"""Read what an endpoint says when it does not answer, and name the error that follows.

401, 402, 403, 404, 405, 3xx, 429 without credit   FatalLLMError: no other call would fare better
408, 409, 425, 429, 5xx                            TransientLLMError: later, perhaps
other 4xx                                          RejectedLLMError: this request alone
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from flows.errors import FatalLLMError, LLMError, RejectedLLMError, TransientLLMError

_CONTEXT = re.compile(
    r"context[ _](length|window|size)|max(imum)?[ _](model[ _]len|(input|sequence) length)"
    r"|too many (input )?tokens|(prompt|input|request|message)s? (is|are) too (long|large)",
    re.IGNORECASE,
)
_FILTER = re.compile(
    r"content[ _]?(filter|management policy|policy)|ResponsibleAI|data_inspection|moderation|\bflagged\b", re.IGNORECASE
)
_FORMAT = re.compile(
    r"response_?format|json[ _]?(schema|object)|structured[ _]?output|guided|grammar|\bschema\b", re.IGNORECASE
)
_NO_MODEL = re.compile(
    r"model( \S+)? (is |was )?(not found|does not exist)|(unknown|invalid) model|model_not_found", re.IGNORECASE
)
_UNSUPPORTED = re.compile(
    r"unsupported|not supported|not support|unrecogni[sz]ed|unknown|unexpected"
    r"|not (permitted|allowed)|deprecated|cannot both",
    re.IGNORECASE,
)
_NO_CREDIT = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_KEY_LIKE = re.compile(r"\b(sk|gsk|hf|xai)[-_][\w*-]{6,}|(?<=://)[^\s/@]+@")
_TAG = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.IGNORECASE | re.DOTALL)

_MAY_BE_FORMAT = frozenset({400, 404, 415, 422, 500, 501})
_KINDS = {408: "timeout", 429: "rate_limit", 503: "overloaded", 504: "timeout", 529: "overloaded"}
_LATER = frozenset({408, 409, 425, 429})

ADAPTABLE = ("max_tokens", "top_p", "temperature", "seed", "logprobs")
"""Parameters that some models refuse and an answer can do without (or under another name)."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What an endpoint said instead of an answer."""

    status: int
    message: str
    """One line, without tags and keys."""
    code: str = ""
    param: str = ""
    """Name of the parameter at fault, where the endpoint gives one."""
    retry_after: float | None = None
    """Seconds to wait before the next request, where the endpoint says so."""

    @property
    def over_context(self) -> bool:
        """Whether the request, with room for its answer, is longer than the model can take."""
        return self.status == 413 or (self.status < 500 and bool(_CONTEXT.search(f"{self.code} {self.message}")))

    @property
    def filtered(self) -> bool:
        """Whether the endpoint objects to what the request says."""
        return self.status in (400, 403, 422) and bool(_FILTER.search(f"{self.code} {self.message}"))

    @property
    def no_model(self) -> bool:
        """Whether the endpoint says that it does not have the model."""
        return self.status in (400, 404) and bool(_NO_MODEL.search(f"{self.code} {self.message}"))

    @property
    def no_credit(self) -> bool:
        """Whether the account is empty, which waiting does not mend."""
        return self.status == 402 or (self.status == 429 and self.code in _NO_CREDIT)

    @property
    def names_format(self) -> bool:
        """Whether the endpoint objects to the kind of structured output that was asked for."""
        return self.may_be_format and bool(_FORMAT.search(f"{self.param} {self.message}"))

    @property
    def may_be_format(self) -> bool:
        """Whether the kind of structured output could be the cause, for all that was said."""
        known = self.over_context or self.filtered or self.no_model
        return self.status in _MAY_BE_FORMAT and not known

    @property
    def unsupported(self) -> str | None:
        """The one of ADAPTABLE that the endpoint does not take."""
        said = f"{self.code} {self.message}"
        if self.status not in (400, 403, 422) or self.over_context or not _UNSUPPORTED.search(said):
            return None
        if self.param:
            return self.param if self.param in ADAPTABLE else None
        return next((name for name in ADAPTABLE if re.search(rf"\b{name}\b", said)), None)


class EndpointFailure(Exception):
    """An endpoint did not answer; never leaves the client of that endpoint."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def read_failure(status: int, headers: Mapping[str, str], body: bytes, *, secret: str = "") -> Failure:
    """Read a reply that is no answer, in whatever shape the server gives errors; `secret` is blotted out."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = _TAG.sub(" ", body[:20_000].decode("utf-8", "replace"))
    message, code, param = _parts(said)
    return Failure(status, one_line(message, secret=secret), code, param, read_retry_after(headers))


def error_in(answer: Mapping[str, Any], *, secret: str = "") -> Failure:
    """Read the error that a gateway put into a reply of status 200."""
    message, code, param = _parts(answer)
    error = answer["error"]
    number = error.get("code") if isinstance(error, dict) else None
    status = number if isinstance(number, int) and 400 <= number <= 599 else 502
    return Failure(status, one_line(message, secret=secret), code, param)


def _parts(said: Any) -> tuple[str, str, str]:
    """Find message, code and parameter: OpenAI's, FastAPI's, Ollama's and plain-text errors."""
    if not isinstance(said, dict):
        return str(said), "", ""
    error = said.get("error", said)
    if not isinstance(error, dict):
        return str(error), "", ""
    message = error.get("message") or error.get("detail") or error.get("msg") or error
    if isinstance(message, list):
        message = "; ".join(
            f"{'.'.join(map(str, item.get('loc', ())))}: {item.get('msg', '')}" if isinstance(item, dict) else str(item)
            for item in message
        )
    code = next((error[name] for name in ("code", "type") if isinstance(error.get(name), str)), "")
    return str(message), code, str(error.get("param") or "")


def one_line(text: str, *, secret: str = "", width: int = 300) -> str:
    """Fold text to one line of at most `width` characters with keys and URL credentials blotted out."""
    if len(secret) > 3:
        text = text.replace(secret, "[key]")
    text = " ".join(_KEY_LIKE.sub("[key]", text).split())
    return text if len(text) <= width else text[: width - 1] + "…"


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Give the seconds to wait that `retry-after-ms` or `retry-after` (seconds or HTTP date) ask for, never below 0."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * unit
        except (KeyError, ValueError):
            continue
        return max(0.0, seconds) if seconds < float("inf") else None
    try:
        until = parsedate_to_datetime(headers["retry-after"])
    except (KeyError, ValueError):
        return None
    try:
        now = parsedate_to_datetime(headers["date"])  # the server's own clock, where it shows it
    except (KeyError, ValueError):
        now = datetime.now(UTC)
    return max(0.0, (until.replace(tzinfo=UTC) - now.replace(tzinfo=UTC)).total_seconds())


def to_error(failure: Failure, *, where: str, key_sent: bool) -> LLMError | FatalLLMError:
    """Give the error that callers act on; `where` is the endpoint's address without credentials."""
    status, said = failure.status, failure.message or "no reason given"
    if failure.filtered:
        return RejectedLLMError(f"{where} filtered the request ({status}): {said}", reason="content_filter")
    if failure.no_credit:
        return FatalLLMError(f"{where} has no credit left for this key ({status}): {said}. Add credit, then run again.")
    if status == 401 and not key_sent:
        return FatalLLMError(f"{where} asks for a key (401): set OPENAI_API_KEY.")
    if status in (401, 403):
        return FatalLLMError(f"{where} refused the key ({status}): {said}. Check OPENAI_API_KEY and what it may use.")
    if status in (404, 405) or status < 400:
        return FatalLLMError(f"{where} takes no chat completions ({status}): {said}. Its address usually ends in /v1.")
    if status >= 500 or status in _LATER:
        return TransientLLMError(
            f"{where} answered {status}: {said}",
            kind=_KINDS.get(status, "server_error"),
            status=status,
            retry_after=failure.retry_after,
        )
    reason = "context_length" if failure.over_context else "bad_request"
    return RejectedLLMError(f"{where} refused the request ({status}): {said}", reason=reason)
