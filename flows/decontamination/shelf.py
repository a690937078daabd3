"""Sets of 64-bit hashes on disk, built and asked in bounded memory."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

_HELD = 1 << 23
"""Hashes held while building: 64 MB, twice that while they are sorted."""
_FILTER = 26
"""Most bits of a hash that the filter goes by: a byte for each of so many values."""


class Shelf:
    """A sorted set of hashes in a file; only what is asked for is read."""

    def __init__(self, path: Path) -> None:
        self._hashes: NDArray[np.uint64] = np.load(path, mmap_mode="r")
        bits = min(_FILTER, max(8, len(self._hashes).bit_length() + 3))
        self._shift = np.uint64(64 - bits)
        self._filter = np.zeros(1 << bits, bool)
        for first in range(0, len(self._hashes), _HELD):
            self._filter[self._hashes[first : first + _HELD] >> self._shift] = True

    def __len__(self) -> int:
        return len(self._hashes)

    def holds(self, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Say for each hash whether it is in the set."""
        found: NDArray[np.bool_] = self._filter[hashes >> self._shift]
        maybe = np.flatnonzero(found)
        if len(maybe):
            # the last place stands in for "after all", where equality fails as it should
            place = np.minimum(np.searchsorted(self._hashes, hashes[maybe]), len(self._hashes) - 1)
            found[maybe] = self._hashes[place] == hashes[maybe]
        return found


class ShelfBuilder:
    """Collects hashes, and writes those that are in few enough texts."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="triplesmith-")
        self._parts: list[Path] = []
        self._loose: list[NDArray[np.uint64]] = []
        self._held = 0

    def add(self, hashes: NDArray[np.uint64]) -> None:
        """Take hashes, each at most once for every text that has it."""
        self._loose.append(hashes)
        self._held += len(hashes)
        if self._held >= _HELD:
            self._spill()

    def write(self, path: Path, most: int) -> None:
        """Write the set of the hashes that were added at most `most` times; the builder is then spent."""
        self._spill()
        kept = Path(self._folder.name) / "kept"
        with kept.open("wb") as file:
            total = 0
            for hashes, counts in self._merged():
                few = hashes[counts <= most]
                total += len(few)
                few.tofile(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        out = np.lib.format.open_memmap(path, "w+", np.uint64, (total,))
        for first in range(0, total, _HELD):
            few = np.fromfile(kept, np.uint64, _HELD, offset=8 * first)
            out[first : first + len(few)] = few
        out.flush()
        self._folder.cleanup()

    def _spill(self) -> None:
        if self._held:
            path = Path(self._folder.name) / f"{len(self._parts)}.npy"
            np.save(path, np.stack(_counted(np.concatenate(self._loose))))
            self._parts.append(path)
        self._loose, self._held = [], 0

    def _merged(self) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.uint64]]]:
        """Yield hashes, ascending, and their counts, a range of hashes at a time."""
        parts = [np.load(path, mmap_mode="r") for path in self._parts]
        ranges = 1 << max(0, (sum(part.shape[1] for part in parts) // _HELD)).bit_length()
        edges = [number * ((1 << 64) // ranges) for number in range(1, ranges)]
        cuts = [
            [0, *(int(np.searchsorted(part[0], np.uint64(edge))) for edge in edges), part.shape[1]] for part in parts
        ]
        for number in range(ranges):
            pieces = [part[:, cut[number] : cut[number + 1]] for part, cut in zip(parts, cuts, strict=True)]
            if pieces:
                hashes, inverse = np.unique(np.concatenate([piece[0] for piece in pieces]), return_inverse=True)
                counts = np.zeros(len(hashes), np.uint64)
                np.add.at(counts, inverse, np.concatenate([piece[1] for piece in pieces]))
                yield hashes, counts


def _counted(hashes: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    values, counts = np.unique(hashes, return_counts=True)
    return values, counts.astype(np.uint64)
