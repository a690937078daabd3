"""What a person decided on a row, and the row that comes of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from flows.domain.records import Json, Row, Text

REVIEWED = "reviewed"
"""Reason under which the ledger counts a row that a person rejected."""
EDITED = "edited"
"""Origin of a text whose words are a person's."""
COLUMNS = ("query", "positives", "negatives")


@dataclass(frozen=True, slots=True)
class Review:
    """A person's decision on one row."""

    accept: bool
    query: str | None = None
    """New words of the query; None when it stays."""
    positives: Sequence[str] | None = None
    """New words of all positives, in their order; an empty text is taken out, one beyond the row's own is new."""
    negatives: Sequence[str] | None = None
    """The same of the negatives."""
    measured: Mapping[str, Json] = field(default_factory=dict)
    """What was measured on the row with its new words."""
    at: str = ""
    """When, ISO 8601 in UTC."""

    @property
    def edited(self) -> list[str]:
        """Columns that have new words."""
        return [name for name in COLUMNS if getattr(self, name) is not None]

    def to_json(self) -> dict[str, Any]:
        """Give what was decided as JSON-native values."""
        return {entry.name: value for entry in fields(self) if (value := getattr(self, entry.name)) not in (None, {})}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Review":
        """Build a review from what `to_json` gave; raises TypeError on a foreign key."""
        return cls(**data)


def reviewed(row: Row, review: Review, rescued: str = "") -> Row:
    """Give a row as its accepting review leaves it; `rescued` is the reason for which curation had dropped it."""
    said: dict[str, Json] = {"edited": list(review.edited)}
    if rescued:
        said["dropped_for"] = rescued
    stale = review.query is not None
    return replace(
        row,
        query=row.query if review.query is None else review.query,
        positives=tuple(_texts(row.positives, review.positives, stale)),
        negatives=tuple(_texts(row.negatives, review.negatives, stale)),
        measured={**(review.measured or row.measured), "review": said},
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
