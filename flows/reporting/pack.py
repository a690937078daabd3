"""Pack the rows that a page holds: columns for its filters, and compressed blocks that it unpacks on demand."""

import zlib
from array import array
from base64 import b64encode
from dataclasses import dataclass, field

from flows.domain.records import Json
from flows.reporting.data import Column, Held
from flows.reporting.shown import Shown
from flows.store.jsonio import dumps

BLOCK_BYTES = 1 << 20
"""JSON in a block; a browser unpacks so much in a few milliseconds."""


@dataclass(slots=True)
class Coded:
    """A column with few values, as numbers that stand for them."""

    values: list[str] = field(default_factory=list)
    codes: "array[int]" = field(default_factory=lambda: array("i"))
    _places: dict[str, int] = field(default_factory=dict)

    def add(self, value: str) -> None:
        """Add the value of the next row."""
        if value not in self._places:
            self._places[value] = len(self.values)
            self.values.append(value)
        self.codes.append(self._places[value])

    def __getitem__(self, row: int) -> str:
        """Give the value of a row, by its number."""
        return self.values[self.codes[row]]

    @property
    def column(self) -> Column:
        """What was added so far."""
        return Column(tuple(self.values), self.codes.tolist())


class Packer:
    """Takes rows as `shown.py` lays them out, and keeps them compressed."""

    def __init__(self) -> None:
        self._columns = {name: Coded() for name in ("family", "languages", "model", "reason")}
        self._numbers = {name: array("i") for name in ("alike", "words")}
        self._open: list[bytes] = []
        self._open_bytes = 0
        self._blocks: list[str] = []
        self._sizes: list[int] = []

    def add(self, row: Shown) -> None:
        """Pack one row."""
        self._columns["family"].add(str(row["family"]))
        self._columns["languages"].add(" ".join(_distinct(row["languages"])))
        self._columns["model"].add(str(row.get("model") or ""))
        self._columns["reason"].add(f"{row['stage']} {row['reason']}" if row.get("reason") else "")
        alike = row.get("alike")
        self._numbers["alike"].append(round(100 * alike) if isinstance(alike, float | int) and row["negatives"] else -1)
        words = row.get("words")
        counts = words.values() if isinstance(words, dict) else ()
        self._numbers["words"].append(max((n for column in counts for n in _numbers(column)), default=0))
        line = dumps(row)
        self._open.append(line)
        self._open_bytes += len(line)
        if self._open_bytes >= BLOCK_BYTES:
            self._close()

    def _close(self) -> None:
        if self._open:
            self._blocks.append(b64encode(zlib.compress(b"[" + b",".join(self._open) + b"]", 6)).decode())
            self._sizes.append(len(self._open))
            self._open, self._open_bytes = [], 0

    @property
    def held(self) -> Held:
        """All rows that were added."""
        self._close()
        return Held(
            sizes=tuple(self._sizes),
            coded={name: coded.column for name, coded in self._columns.items()},
            numbers={name: numbers.tolist() for name, numbers in self._numbers.items()},
            blocks=tuple(self._blocks),
        )


def _distinct(languages: Json) -> list[str]:
    return list(dict.fromkeys(map(str, languages))) if isinstance(languages, list) else []


def _numbers(found: Json) -> list[int]:
    return [number for number in found if isinstance(number, int)] if isinstance(found, list) else []
