"""Read the JSON object in a model's reply, however it is wrapped, and check it against the prompt's fields.

A reply is data: it is parsed as JSON or not at all, never evaluated. Small damage that leaves no doubt about the
meaning is mended by named repairs; what is cut off is not.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from flows.prompting.prompt import ReplyField

THINKING = re.compile(r"<(think|thinking|reasoning|thought)>.*?</\1>\s*", re.DOTALL | re.IGNORECASE)
UNOPENED = re.compile(r"^.*?</(think|thinking|reasoning|thought)>\s*", re.DOTALL | re.IGNORECASE)
"""Some chat templates open the block themselves, so that only its end is in the reply."""
FENCE = re.compile(r"```[\w-]*\s*\n(.*?)```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why a reply could not be read."""

    reason: str
    """Name for the ledger: no_json, invalid_json, missing_field, wrong_type, empty_field, lone_surrogate, wrong_value,
    long_field."""
    detail: str
    """What is wrong, in words that help the model to answer better."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A checked reply."""

    fields: dict[str, Any]
    """Key -> string, or list of strings."""
    repairs: tuple[str, ...] = ()
    """Names of the repairs that were needed."""


def read_reply(text: str, fields: Sequence[ReplyField]) -> Reply | Complaint:
    """Find the object in `text` and check that it has the fields."""
    found = _first_object(_bare(text))
    if isinstance(found, Complaint):
        return found
    value, repairs = found
    complaint = _check(value, fields)
    if complaint:
        return complaint
    return Reply({field.name: _clean(value[field.name]) for field in fields}, repairs)


def _bare(text: str) -> str:
    if "</" in text:
        text = THINKING.sub("", text)
        text = UNOPENED.sub("", text, count=1)
    fence = FENCE.search(text) if "```" in text else None
    return (fence.group(1) if fence and "{" in fence.group(1) else text).strip()


def _first_object(text: str) -> tuple[dict[str, Any], tuple[str, ...]] | Complaint:
    try:
        whole = orjson.loads(text)
    except ValueError:
        pass  # what surrounds it, or small damage, is dealt with below
    else:
        if isinstance(whole, dict):
            return whole, ()
    start = text.find("{")
    if start < 0:
        return Complaint("no_json", f"the answer holds no JSON object; it starts {text[:60]!r}")
    error = "it is not closed"
    for name, repair in REPAIRS:
        candidate = repair(text[start:])
        for opening in _openings(candidate):
            try:
                value, _ = DECODER.raw_decode(candidate, opening)
            except (ValueError, RecursionError) as problem:
                if not name and opening == 0:
                    error = str(problem)
                continue
            if isinstance(value, dict):
                return value, (name,) if name else ()
    return Complaint("invalid_json", f"the answer is not valid JSON: {error}")


def _openings(text: str, most: int = 3) -> Iterator[int]:
    """Yield places where the object may start: a preamble may hold a brace of its own."""
    position = -1
    for _ in range(most):
        position = text.find("{", position + 1)
        if position < 0:
            return
        yield position


def _without_trailing_commas(text: str) -> str:
    return re.sub(r",(\s*[}\]])", r"\1", text)


def _with_json_words(text: str) -> str:
    return re.sub(r"(:\s*)(None|True|False)\b", lambda m: m[1] + PYTHON_WORDS[m[2]], text)


def _with_double_quotes(text: str) -> str:
    """Turn the quotes around keys and values, not the apostrophes inside words, into double ones."""
    text = text.replace("“", '"').replace("”", '"')
    text = re.sub(r"([{,\[]\s*)'([^'\n]*?)'(\s*:)", r'\1"\2"\3', text)
    return re.sub(r"(:\s*|[\[,]\s*)'((?:[^'\\\n]|\\.|'(?![,}\]\s]))*)'(?=\s*[,}\]])", _requote, text)


def _requote(match: re.Match[str]) -> str:
    return match[1] + json.dumps(match[2].replace("\\'", "'"), ensure_ascii=False)


DECODER = json.JSONDecoder(strict=False)
PYTHON_WORDS = {"None": "null", "True": "true", "False": "false"}
REPAIRS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("", str),
    ("trailing_comma", _without_trailing_commas),
    ("python_words", lambda text: _with_json_words(_without_trailing_commas(text))),
    ("quotes", lambda text: _with_json_words(_without_trailing_commas(_with_double_quotes(text)))),
)
"""Tried in this order; each includes those before it."""


def _check(value: dict[str, Any], fields: Sequence[ReplyField]) -> Complaint | None:
    for field in fields:
        if field.name not in value:
            return Complaint("missing_field", f'the key "{field.name}" is missing')
        content = value[field.name]
        texts = content if field.kind == "strings" else [content]
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            want = "a list of strings" if field.kind == "strings" else "a string"
            return Complaint("wrong_type", f'the value of "{field.name}" must be {want}, not {content!r:.40}')
        if not texts or not all(text.strip() for text in texts):
            return Complaint("empty_field", f'the value of "{field.name}" is empty')
        if not all(_is_whole(text) for text in texts):
            return Complaint("lone_surrogate", f'the value of "{field.name}" holds half a character (\\ud8…)')
        if field.values and (other := [text for text in texts if text.strip() not in field.values]):
            among = ", ".join(map(repr, field.values))
            return Complaint("wrong_value", f'the value of "{field.name}" must be one of {among}, not {other[0]!r:.40}')
        if field.most and any(len(text.strip()) > field.most for text in texts):
            return Complaint("long_field", f'the value of "{field.name}" has more than {field.most} characters')
    return None


def _is_whole(text: str) -> bool:
    """Whether a text can be written as UTF-8: half of a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _clean(content: Any) -> Any:
    return [text.strip() for text in content] if isinstance(content, list) else content.strip()
