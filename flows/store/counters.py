"""Numbers that the processes of one run share: each writes a row of its own, all read every row."""

import mmap
import os
from collections.abc import Sequence
from pathlib import Path

from flows.errors import StoreError

_BYTES = 8


class Counters:
    """Rows of 64-bit floats in a mapped file; row `own` is written by this process alone, so no lock is needed.

    An aligned number is written in one piece, so a reader sees the old or the new one. Raises StoreError when the file
    cannot be made.
    """

    def __init__(self, path: Path, *, rows: int, columns: int, own: int) -> None:
        self._rows, self._columns, self._own = rows, columns, own
        size = rows * columns * _BYTES
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                if os.fstat(file).st_size < size:
                    os.ftruncate(file, size)
                self._map = mmap.mmap(file, size)
            finally:
                os.close(file)
        except OSError as error:
            raise StoreError(f"{path}: cannot be written: {error.strerror}") from None
        self._numbers = memoryview(self._map).cast("d")

    def write(self, values: Sequence[float]) -> None:
        """Set this process's row."""
        start = self._own * self._columns
        for place, value in enumerate(values):
            self._numbers[start + place] = value

    def others(self) -> list[float]:
        """Add up the other processes' rows, column by column."""
        rows = [row for row in range(self._rows) if row != self._own]
        return [sum(self._numbers[row * self._columns + column] for row in rows) for column in range(self._columns)]

    def close(self) -> None:
        """Give the mapping back."""
        self._numbers.release()
        self._map.close()
