"""The `full` format: every column of the record, for people and programs rather than trainers."""

from collections.abc import Mapping
from typing import Any

import orjson

from flows.domain.records import Json, Row, Text
from flows.publishing.features import Feature
from flows.publishing.formats.shape import Record, Shape

_TEXT: dict[str, Feature] = {
    "text": "string",
    "origin": "string",
    "doc_id": "string",
    "grade": "float64",
    "scores": "string",
}

_GENERATOR: dict[str, Feature] = {
    "model": "string",
    "prompt": "string",
    "seed": "int64",
    "tokens_in": "int64",
    "tokens_out": "int64",
    "rung": "string",
    "recorded": "bool",
    "wording": "string",
    "mean_logprob": "float64",
}


def _lay_out(row: Row) -> list[Record]:
    line = (
        row.id,
        row.family,
        row.task,
        row.instruction,
        row.query,
        [_text(text) for text in row.positives],
        [_text(text) for text in row.negatives],
        row.query_language,
        row.document_language,
        row.symmetric,
        row.source_doc_id,
        _json(row.requested),
        _json(row.measured),
        {name: getattr(row.generator, name) for name in _GENERATOR},
        row.slot,
        row.attempt,
        row.split,
    )
    return [line]


def _text(text: Text) -> dict[str, Any]:
    return {
        "text": text.text,
        "origin": text.origin,
        "doc_id": text.doc_id,
        "grade": text.grade,
        "scores": _json(text.scores),
    }


def _json(open_ended: Mapping[str, Json] | Mapping[str, float]) -> str:
    """Write what has other keys in every family as a string, so that all files keep one schema."""
    return orjson.dumps(open_ended, option=orjson.OPT_SORT_KEYS).decode()


FULL = Shape(
    "full",
    {
        "id": "string",
        "family": "string",
        "task": "string",
        "instruction": "string",
        "query": "string",
        "positives": [_TEXT],
        "negatives": [_TEXT],
        "query_language": "string",
        "document_language": "string",
        "symmetric": "bool",
        "source_doc_id": "string",
        "requested": "string",
        "measured": "string",
        "generator": _GENERATOR,
        "slot": "int64",
        "attempt": "int64",
        "split": "string",
    },
    _lay_out,
    "every column of the record, provenance included; `requested`, `measured` and `scores` are JSON",
)
