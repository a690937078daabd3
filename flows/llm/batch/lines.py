"""The lines of batch files: a request on its way out, an answer or a failure on its way back."""

from dataclasses import dataclass
from typing import Any, Final

from flows.llm.outcome import Failure, read_failure
from flows.store.jsonio import dumps, loads

ENDPOINT: Final = "/v1/chat/completions"

_NOT_RUN = frozenset({"batch_expired", "batch_cancelled"})
"""Codes of requests that the batch ended without working on: they cost nothing and say nothing of the request."""


@dataclass(frozen=True, slots=True)
class Line:
    """What a batch says of one request: its answer, or why there is none."""

    key: str
    """Address of the request."""
    step: int
    """Step of the ladder at which it was asked."""
    answer: dict[str, Any] | None
    """Body of the completion."""
    failure: Failure | None = None


def request_line(key: str, step: int, body: bytes) -> bytes:
    """Give the line of a request, its end included."""
    head = dumps({"custom_id": f"{key}.{step}", "method": "POST", "url": ENDPOINT})
    return b'%b,"body":%b}\n' % (head[:-1], body)


def key_of(line: bytes) -> str:
    """Give the address in a request's line; raises ValueError when it holds none."""
    try:
        return _split(loads(line)["custom_id"])[0]
    except (KeyError, TypeError) as error:
        raise ValueError("no custom_id of ours") from error


def read_line(line: bytes, *, secret: str = "") -> Line | None:
    """Read a line of an output or error file, None for a request that was not worked on.

    OpenAI keeps the lines of failed requests in a file of their own, with the error in the response's body; vLLM
    writes them among the others, with the error beside the response. Raises ValueError when it is no such line.
    """
    said = loads(line)
    if not isinstance(said, dict) or not isinstance(said.get("custom_id"), str):
        raise ValueError("no line of a batch's output")
    key, step = _split(said["custom_id"])
    response, error = said.get("response"), said.get("error")
    body = response.get("body") if isinstance(response, dict) else None
    status = response.get("status_code") if isinstance(response, dict) else None
    if status == 200 and isinstance(body, dict):
        return Line(key, step, body)
    code = error.get("code") if isinstance(error, dict) else None
    if code in _NOT_RUN:
        return None
    if not isinstance(status, int) or status == 200:
        status = code if isinstance(code, int) else 500
    return Line(key, step, None, read_failure(status, {}, dumps(body or error or "no reason given"), secret=secret))


def _split(custom_id: str) -> tuple[str, int]:
    key, _, step = custom_id.rpartition(".")
    return key, int(step)
