"""Recorded replies: the file format, and the model that answers from it alone.

A recording is JSON Lines, one reply per line. A reply is found by the prompt's name, its variables and the turn, not by
the prompt's words: rewording a prompt orphans no reply, and what it was made with stays known by its digest.

    {"v": 1, "prompt": "e5/sts", "variables": {…}, "turn": 0, "wording": "46baa695…", "reply": {"text": "…", …}}
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jsonlines
import orjson

from flows.errors import RejectedLLMError, StoreError, UsageError
from flows.ids import digest
from flows.llm.types import ChatRequest, Completion

_VERSION = 1
_FIELDS = ("text", "finish", "model", "tokens_in", "tokens_out", "rung", "reasoning")


def address(request: ChatRequest) -> str:
    """Give the digest under which the reply to a request is recorded."""
    return digest(request.prompt, dict(request.variables), request.turn, size=32)


def to_line(request: ChatRequest, completion: Completion) -> bytes:
    """Give a recording's line, line end included."""
    reply = {name: getattr(completion, name) for name in _FIELDS}
    if completion.logprobs is not None:
        reply["logprobs"] = completion.logprobs
    line = {
        "v": _VERSION,
        "prompt": request.prompt,
        "variables": dict(request.variables),
        "turn": request.turn,
        "wording": completion.wording or request.wording,
        "reply": reply,
    }
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def read_recording(path: Path) -> Iterator[tuple[str, Completion]]:
    """Read addresses and replies in the file's order; an unfinished last line is passed over.

    Raises StoreError naming file and line, UsageError when there is no such file.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise UsageError(f"no recording at {path}: {error.strerror}.") from None
    with file:
        try:
            for number, line in enumerate(jsonlines.Reader(_whole_lines(file), loads=orjson.loads), 1):
                yield _from_line(line, f"{path}, line {number}")
        except jsonlines.InvalidLineError as error:
            raise StoreError(f"{path}, line {error.lineno}: no JSON. Remove the line or restore the file.") from None


def find_recordings(places: Iterable[Path]) -> list[Path]:
    """Give the files among these and the `.jsonl` files of the folders; raises UsageError when there are none."""
    files = []
    for place in places:
        found = sorted(place.rglob("*.jsonl")) if place.is_dir() else [place]
        if not found:
            raise UsageError(f"no recording in {place}: it holds no .jsonl file.")
        files += found
    return files


class Replay:
    """A model that answers from recordings; what they do not hold is rejected as `not_recorded`.

    Of two replies at one address the first in the order of the paths holds. Files are read at the first request, and
    then errors are raised as by `read_recording`.
    """

    def __init__(self, paths: Sequence[Path], *, model: str = "replay") -> None:
        self.model = model
        self._paths = tuple(paths)
        self._replies: dict[str, Completion] | None = None

    async def complete(self, request: ChatRequest) -> Completion:
        """Give the recorded reply."""
        reply = self.replies().get(address(request))
        if reply is None:
            raise RejectedLLMError(
                f"no reply is recorded for prompt {request.prompt!r} with these variables, turn {request.turn}",
                reason="not_recorded",
            )
        return reply

    async def aclose(self) -> None:
        """Forget what was read."""
        self._replies = None

    def replies(self) -> dict[str, Completion]:
        """Give all replies by address, reading the files the first time."""
        if self._replies is None:
            replies: dict[str, Completion] = {}
            for path in find_recordings(self._paths):
                for key, reply in read_recording(path):
                    replies.setdefault(key, reply)
            self._replies = replies
        return self._replies


def _from_line(line: Any, where: str) -> tuple[str, Completion]:
    """Give a line's address and reply; raises StoreError."""
    try:
        if line["v"] != _VERSION:
            raise ValueError(f"version {line['v']!r} is not known")
        reply = line["reply"]
        if not isinstance(reply["text"], str) or not isinstance(line["variables"], dict):
            raise TypeError("text is no text, or variables are no object")
        logprobs = reply.get("logprobs")
        completion = Completion(
            **{name: reply[name] for name in _FIELDS if name in reply},
            recorded=True,
            wording=line.get("wording"),
            logprobs=None if logprobs is None else tuple(logprobs),
        )
        return digest(str(line["prompt"]), line["variables"], int(line["turn"]), size=32), completion
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        why = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise StoreError(f"{where}: no recorded reply ({why}). Remove or mend the line.") from None


def _whole_lines(file: Iterable[bytes]) -> Iterator[bytes]:
    """Leave out a last line that a crash tore."""
    for line in file:
        if not line.endswith(b"\n"):
            try:
                orjson.loads(line)
            except orjson.JSONDecodeError:
                return
        yield line
