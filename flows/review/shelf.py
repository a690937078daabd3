"""Find rows of any number in the files of the curate stage: where each lies, and what filters ask of it."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from flows.domain.records import Row
from flows.errors import StoreError, UsageError
from flows.reporting.pack import Coded
from flows.review.doubts import doubts
from flows.store.jsonio import loads
from flows.store.layout import Layout
from flows.store.reviews import STAGE

ORDERS = ("run", "doubtful", "random")


@dataclass(frozen=True, slots=True)
class Found:
    """One row that may be reviewed."""

    row: Row
    reason: str
    """Why curation dropped it; empty for an accepted row."""
    detail: str


@dataclass(frozen=True, slots=True)
class Filters:
    """Which rows, in which order; an empty text is any."""

    status: str = ""
    """accepted or dropped, by curation."""
    verdict: str = ""
    """open, accepted, rejected or edited, by a person."""
    family: str = ""
    language: str = ""
    reason: str = ""
    order: str = "run"
    sample: int = 0
    """So many rows at random; 0 is all."""

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise UsageError(f"order {self.order!r}: choose one of {', '.join(ORDERS)}")


class Shelf:
    """All rows of the curate stage, accepted and dropped, by number: shard by shard, accepted ones first."""

    def __init__(self, layout: Layout) -> None:
        """Read every row once; raises UsageError when there is none, StoreError when a file is damaged."""
        self._files: list[Path] = []
        self._file, self._offset = array("i"), array("q")
        self.ids: list[str] = []
        self.places: dict[str, int] = {}
        self.family, self.languages, self.reason = Coded(), Coded(), Coded()
        self.doubts = array("b")
        folder = layout.stage(STAGE)
        for path in sorted(folder.glob("shard-*.jsonl")):
            self._read(path)
            self._read(path.with_name(path.name.replace("shard", "dropped")))
        if not self.ids:
            raise UsageError(f"{layout.root}: no row is curated yet; finish it with `triplesmith run`")

    def __len__(self) -> int:
        return len(self.ids)

    def find(self, number: int) -> Found:
        """Read one row."""
        with self._files[self._file[number]].open("rb") as file:
            file.seek(self._offset[number])
            return _found(loads(file.readline()))

    def select(self, filters: Filters, verdict_of: dict[str, str]) -> list[int]:
        """Give the numbers of the rows that fit; `verdict_of` has a word for every id that a person decided on."""
        fitting = [number for number in range(len(self)) if self._fits(number, filters, verdict_of)]
        if filters.sample or filters.order == "random":
            # the same sample every time, so that a review may be continued
            chosen = Random(0).sample(fitting, min(filters.sample or len(fitting), len(fitting)))
            fitting = chosen if filters.order == "random" else sorted(chosen)
        if filters.order == "doubtful":
            fitting.sort(key=lambda number: -self.doubts[number])
        return fitting

    def _fits(self, number: int, filters: Filters, verdict_of: dict[str, str]) -> bool:
        reason = self.reason[number]
        return (
            (not filters.status or (filters.status == "dropped") == bool(reason))
            and (not filters.reason or filters.reason == reason)
            and (not filters.family or filters.family == self.family[number])
            and (not filters.language or filters.language in self.languages[number].split())
            and (not filters.verdict or verdict_of.get(self.ids[number], "open") == filters.verdict)
        )

    def _read(self, path: Path) -> None:
        self._files.append(path)
        for offset, line in _lines(path):
            try:
                found = _found(loads(line))
            except (ValueError, KeyError, TypeError):
                raise StoreError(f"{path}: the line at byte {offset} is damaged: {line!r:.60}") from None
            row = found.row
            self._file.append(len(self._files) - 1)
            self._offset.append(offset)
            self.places[row.id] = len(self.ids)
            self.ids.append(row.id)
            self.family.add(row.family)
            self.languages.add(" ".join(dict.fromkeys((row.query_language, row.document_language))))
            self.reason.add(found.reason)
            self.doubts.append(0 if found.reason else len(doubts(row)))


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    offset = 0
    try:
        with path.open("rb") as file:
            for line in file:
                yield offset, line
                offset += len(line)
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from None


def _found(data: dict[str, Any]) -> Found:
    if "content" in data:
        return Found(Row.from_json(data["content"]), data["reason"], data["detail"])
    return Found(Row.from_json(data), "", "")
