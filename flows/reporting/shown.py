"""Lay out a row for the page's browser of rows."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flows.domain.records import Json, Row, Text
from flows.domain.units import Dropped

MOST_CHARACTERS = 6000
"""Of one text; what is longer is cut, and the page says by how much."""
ROW_ID = re.compile(r"\b[0-9a-f]{16}\b")
INNER = frozenset({"task", "language", "src_lang", "tgt_lang", "sample", "attempt", "words", "labels", "number"})
"""Variables of a request that the page shows elsewhere, or that only number it."""

Shown = dict[str, Json]
"""A row under the names that the page's script knows."""


def cut(text: str) -> str:
    """Shorten a text that is too long for a page, and say by how much."""
    left = len(text) - MOST_CHARACTERS
    return text if left <= 0 else f"{text[:MOST_CHARACTERS]} … ({left} more characters)"


def accepted(row: Row) -> Shown:
    """Give an accepted row."""
    return _row(row)


def uncut(row: Row) -> Shown:
    """Give a row with all its words."""
    return _row(row, lambda text: text)


def rejected(stage: str, dropped: Dropped, links: Iterable[str]) -> Shown:
    """Give what a stage dropped: a row, a reply that made no row, or a task; `links` are rows that it may lead to."""
    content: Mapping[str, Any] = dropped.content
    if "positives" in content:
        shown = _row(Row.from_json(content))
    else:
        variables = content.get("variables", {})
        shown = {
            "family": content.get("family", ""),
            "languages": [],
            "task": cut(str(content.get("task") or variables.get("task") or "")),
            "query": "",
            "positives": [],
            "negatives": [],
            "requested": _requested(variables),
            "prompt": content.get("prompt", ""),
            "reply": cut(str(content["reply"])) if content.get("reply") is not None else None,
        }
    verdict = {"id": dropped.id, "stage": stage, "reason": dropped.reason, "detail": cut(dropped.detail)}
    return {**shown, **verdict, "links": list(links)}


def named_rows(dropped: Dropped) -> list[str]:
    """Ids of the other rows that the reason of a rejection names."""
    return ROW_ID.findall(dropped.detail)


def _row(row: Row, fit: Callable[[str], str] = cut) -> dict[str, Any]:
    return {
        "id": row.id,
        "family": row.family,
        "languages": [row.query_language, row.document_language],
        "task": row.task,
        "query": fit(row.query),
        "positives": [_text(text, fit) for text in row.positives],
        "negatives": [_text(text, fit) for text in row.negatives],
        "requested": _requested(row.requested),
        "bounds": row.requested.get("words") or {},
        "words": row.measured.get("words") or {},
        "alike": row.measured.get("negative_like_positive"),
        "review": row.measured.get("review"),
        "personal_data": row.measured.get("personal_data") or [],
        "model": row.generator.model,
        "prompt": row.generator.prompt,
        "tokens": [row.generator.tokens_in, row.generator.tokens_out],
        "recorded": row.generator.recorded,
    }


def _text(text: Text, fit: Callable[[str], str]) -> dict[str, Any]:
    return {"text": fit(text.text), "grade": text.grade, "origin": text.origin, "scores": dict(text.scores)}


def _requested(variables: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in variables.items() if name not in INNER}
