"""An append-only file of replies that survives `kill -9`, a full disk and a torn last line."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from flows.errors import StoreError
from flows.store.jsonio import dumps, loads


class Journal:
    """Values by key, each on disk before `append` returns.

    One writer at a time. A line goes out in one write, so that a killed process leaves at most one torn line, the
    last, which is cut off when the journal is opened again; a damaged line before it is an error that names it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values: dict[str, Any] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise StoreError(f"{path}: cannot be opened: {error.strerror}") from None
        try:
            self._load()
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: str) -> Any | None:
        """Give the value of a key, or None."""
        return self._values.get(key)

    def items(self) -> Iterable[tuple[str, Any]]:
        """Give every key with its last value."""
        return self._values.items()

    def append(self, key: str, value: Any) -> None:
        """Write a value; raises StoreError when the disk does not take it."""
        line = dumps({"key": key, "value": value}) + b"\n"
        try:
            written = os.write(self._file, line)
            if written < len(line):
                os.write(self._file, line[written:])
        except OSError as error:
            raise StoreError(f"{self._path}: cannot be written: {error.strerror}") from None
        self._values[key] = value

    def sync(self) -> None:
        """Have the operating system put the lines on the disk itself."""
        try:
            os.fsync(self._file)
        except OSError as error:
            raise StoreError(f"{self._path}: cannot be written: {error.strerror}") from None

    def _load(self) -> None:
        content = self._path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(self._path, whole)
        self._values.update(_entries(self._path, content[:whole]))


def read_journal(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield keys and values in the order they were written, leaving the file as it is; nothing when there is none.

    An unfinished last line is passed over. Raises StoreError naming a damaged one.
    """
    if path.exists():
        content = path.read_bytes()
        yield from _entries(path, content[: content.rfind(b"\n") + 1])


def _entries(path: Path, content: bytes) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            entry = loads(line)
            yield entry["key"], entry["value"]
        except (ValueError, KeyError, TypeError):
            raise StoreError(
                f"{path}: line {number} is damaged: {line!r:.60}; delete the line (its reply is asked "
                "for again) or put the file back"
            ) from None
