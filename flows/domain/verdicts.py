"""What a person decided on a row, and the row that comes of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flows.domain.records import Json, Row, Text

REVIEWED = "reviewed"
"""Reason under which the ledger counts a row that a person rejected."""
EDITED = "edited"
"""Origin of a text whose words are a person's."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A person's decision on one row."""

    accept: bool
    query: str | None = None
    """New words of the query; None when it stays."""
    positives: Sequence[str] | None = None
    """New words of all positives, in their order; an empty text is taken out, one beyond the row's own is new."""
    negatives: Sequence[str] | None = None
    measured: Mapping[str, Json] = field(default_factory=dict)
    """What was measured on the row with its new words."""
    at: str = ""
    """When, ISO 8601 in UTC."""

    @property
    def edited(self) -> list[str]:
        """Columns that have new words."""
        return [name for name in ("query", "positives", "negatives") if getattr(self, name) is not None]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Verdict":
        """Build a verdict from its fields; raises TypeError on a foreign key."""
        return cls(**data)


def reviewed(row: Row, verdict: Verdict, rescued: str = "") -> Row:
    """Give a row as its accepting verdict leaves it; `rescued` is the reason for which curation had dropped it."""
    review: dict[str, Json] = {"edited": list(verdict.edited)}
    if rescued:
        review["dropped_for"] = rescued
    stale = verdict.query is not None
    return replace(
        row,
        query=row.query if verdict.query is None else verdict.query,
        positives=tuple(_texts(row.positives, verdict.positives, stale)),
        negatives=tuple(_texts(row.negatives, verdict.negatives, stale)),
        measured={**(verdict.measured or row.measured), "review": review},
    )


def _texts(texts: Sequence[Text], words: Sequence[str] | None, stale: bool) -> Iterator[Text]:
    """Put new words in place; a score of other words, or against another query, goes."""
    for place, text in enumerate(texts):
        new = text.text if words is None or place >= len(words) else words[place]
        scores = {name: score for name, score in text.scores.items() if name == "requested"}
        if new != text.text:
            text = replace(text, text=new, origin=EDITED, scores=scores)
        elif stale:
            text = replace(text, scores=scores)
        if new:
            yield text
    yield from (Text(new, origin=EDITED) for new in (words or ())[len(texts) :] if new)
