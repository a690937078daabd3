"""One review: which rows there are, what is decided on them, and the way back."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from flows.curation.measure import measure
from flows.domain.records import Row, Text
from flows.domain.reviews import COLUMNS, Review, reviewed
from flows.errors import UsageError
from flows.reporting import shown
from flows.review.doubts import doubts
from flows.review.shelf import Filters, Shelf
from flows.store.journal import Journal
from flows.store.layout import Layout
from flows.store.reviews import reviews_of


class Session:
    """A review of one run; each verdict is on disk before it counts. The caller holds the run's lock."""

    def __init__(self, layout: Layout) -> None:
        """Raises UsageError when there is nothing to review, StoreError when a file is damaged."""
        self.name = layout.root.resolve().name
        self.shelf = Shelf(layout)
        self._journal = Journal(layout.verdicts)
        try:
            self._reviews = reviews_of(layout, self._journal)
        except BaseException:
            self._journal.__exit__(None, None, None)
            raise
        self._before: list[tuple[int, Review | None]] = []
        """Number and earlier review of every row that was decided on in this session, in order."""

    def __enter__(self) -> "Session":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._journal.__exit__(kind, error, trace)

    @property
    def changed(self) -> bool:
        """Whether this session decided anything that was not taken back."""
        return bool(self._before)

    @property
    def counts(self) -> dict[str, int]:
        """How many rows there are, and how many are decided in which way."""
        words = Counter(_word(review) for review in self._reviews.values())
        shelf = self.shelf
        taken = (shelf.places[id_] for id_, review in self._reviews.items() if review.accept and id_ in shelf.places)
        return {
            "rows": len(self.shelf),
            "decided": words.total(),
            **{word: words[word] for word in ("accepted", "rejected", "edited")},
            "rescued": sum(bool(shelf.reason[number]) for number in taken),
            "undo": len(self._before),
        }

    @property
    def choices(self) -> dict[str, list[tuple[str, int]]]:
        """What the filters may be set to, and how many rows each leaves."""
        shelf = self.shelf
        languages: Counter[str] = Counter()
        for codes, count in Counter(shelf.languages.codes).items():
            languages.update(dict.fromkeys(shelf.languages.values[codes].split(), count))
        return {
            "family": sorted((shelf.family.values[code], n) for code, n in Counter(shelf.family.codes).items()),
            "language": sorted(languages.items()),
            "reason": sorted(
                (v, n) for code, n in Counter(shelf.reason.codes).items() if (v := shelf.reason.values[code])
            ),
        }

    def select(self, filters: Filters) -> list[int]:
        """Give the numbers of the rows that fit."""
        return self.shelf.select(filters, {id_: _word(review) for id_, review in self._reviews.items()})

    def show(self, number: int) -> dict[str, Any]:
        """Give one row as curation left it, uncut, with what is decided and doubted."""
        if not 0 <= number < len(self.shelf):
            raise UsageError(f"row {number}: there are {len(self.shelf)}")
        found = self.shelf.find(number)
        review = self._reviews.get(found.row.id)
        return {
            **shown.uncut(found.row),
            "number": number,
            "dropped": {"reason": found.reason, "detail": found.detail} if found.reason else None,
            "doubts": [] if found.reason else doubts(found.row),
            "verdict": None if review is None else {"accept": review.accept, **_words(found.row, review)},
        }

    def decide(self, number: int, accept: bool | None, words: Mapping[str, Any]) -> None:
        """Write a verdict down; None withdraws it. Raises UsageError when the new words make no row."""
        row = self.shelf.find(number).row
        review = None if accept is None else _review(row, accept, words)
        self._before.append((number, self._reviews.get(row.id)))
        self._write(row.id, review)

    def undo(self) -> int | None:
        """Take the last verdict of this session back; returns the row's number, or None when there is none."""
        if not self._before:
            return None
        number, review = self._before.pop()
        self._write(self.shelf.ids[number], review)
        return number

    def _write(self, id_: str, review: Review | None) -> None:
        self._journal.append(id_, review and review.to_json())
        self._journal.sync()
        if review is None:
            self._reviews.pop(id_, None)
        else:
            self._reviews[id_] = review


def _review(row: Row, accept: bool, words: Mapping[str, Any]) -> Review:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    if not accept:
        return Review(False, at=now)
    new = {name: text for name in COLUMNS if (text := _new(row, name, words)) is not None}
    review = Review.from_json({"accept": True, "at": now, **new})
    after = reviewed(row, review)
    if not after.query.strip():
        raise UsageError("a row needs a query")
    if not any(text.text.strip() for text in after.positives):
        raise UsageError("a row needs a positive")
    return replace(review, measured=measure(after)) if review.edited else review


def _new(row: Row, column: str, words: Mapping[str, Any]) -> str | list[str] | None:
    """Give the new words of a column, or None when they are as they were."""
    new = words.get(column)
    if column == "query":
        if new is not None and not isinstance(new, str):
            raise UsageError("query: must be a text")
        return new if new is not None and new != row.query else None
    if new is not None and not (isinstance(new, list) and all(isinstance(text, str) for text in new)):
        raise UsageError(f"{column}: must be a list of texts")
    texts: Sequence[Text] = getattr(row, column)
    if new is None or new == [text.text for text in texts]:
        return None
    if len(new) < len(texts):
        raise UsageError(f"{column}: {len(texts)} texts, an empty one for each that is taken out")
    return [text.strip() and text for text in new]


def _word(review: Review) -> str:
    return "rejected" if not review.accept else "edited" if review.edited else "accepted"


def _words(row: Row, review: Review) -> dict[str, Any]:
    return {name: getattr(review, name) for name in review.edited}
