"""What an export is: rows that can be read again and again, a folder to fill, and an account of what went in."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, TypeAlias

import orjson

from flows.domain.records import Row
from flows.publishing.formats.shape import Unfit
from flows.publishing.parquet import Written

Rows: TypeAlias = Callable[[], Iterator[Row]]
"""Gives all rows, each time it is called."""


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What a caller may choose."""

    negatives: int = 1
    """Hard negatives on every line of `n-tuple` and `scored`."""
    scorer: str | None = None
    """Whose scores are a teacher's: `requested`, or the name that a scoring step left."""
    instructions: str = "bare"
    """How instructions are written into the texts: bare, instruct or prefix."""
    by_family: bool = False
    """Whether every family is a config of its own in Parquet, for batches of one kind of task."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What came of an export."""

    files: dict[str, int] = field(default_factory=dict)
    """Path below the folder -> lines."""
    unfit: Counter[str] = field(default_factory=Counter)
    """Reason -> rows that the format cannot hold."""
    rows: int = 0
    """All rows, those that the format cannot hold included."""
    metadata: str = ""
    """YAML that the folder's README.md starts with, for a format whose reader looks for it."""


@dataclass(frozen=True, slots=True)
class Format:
    """A consumer's format."""

    about: str
    """What reads it, in one line."""
    usage: str
    """How it is read, as code."""
    write: Callable[[Rows, Path, ExportOptions], Exported]
    takes: tuple[str, ...] = ()
    """Options that it heeds, beside `instructions`."""


def files_of(config: Written) -> dict[str, int]:
    """Give the patterns of a config's Parquet files, with their lines."""
    return {path: config.splits[split].rows for split, path in config.paths.items()}


class LineFiles:
    """Files of JSON lines, opened when their first line comes."""

    def __init__(self, folder: Path, metadata: str = "") -> None:
        self._folder = folder
        self._open = ExitStack()
        self._files: dict[str, BinaryIO] = {}
        self.exported = Exported(metadata=metadata)

    def __enter__(self) -> "LineFiles":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def add(self, name: str, line: dict[str, Any]) -> None:
        """Write one line to the file of that name; raises OSError."""
        if name not in self._files:
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            self._files[name] = self._open.enter_context(path.open("wb"))
        self._files[name].write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        self.exported.files[name] = self.exported.files.get(name, 0) + 1

    def leave_out(self, unfit: Unfit) -> None:
        """Count a row that the format cannot hold."""
        self.exported.unfit[unfit.reason] += 1
