"""What a published set has in which split, as one small file for each run: what lets the set grow without a leak.

A file holds 64 bits for each row, task, source document and text, and the split that has it: some 40 bytes a row.
"""

from array import array
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flows.domain.records import Row
from flows.publishing.splits import TRAIN, Tie, tie_key, ties_of

FOLDER = "ties"
FILE = f"{FOLDER}/keys-00000-of-00001.parquet"


class Known:
    """The split of everything that a set has."""

    def __init__(self, keys: NDArray[np.uint64], places: NDArray[np.uint8], splits: list[str]) -> None:
        order = np.argsort(keys, kind="stable")
        self._keys, self._places, self._splits = keys[order], places[order], splits

    def __call__(self, tie: Tie) -> str | None:
        """Give the split that has a tie, or None."""
        key = np.uint64(tie_key(tie))
        place = int(np.searchsorted(self._keys, key))
        if place == len(self._keys) or self._keys[place] != key:
            return None
        return self._splits[int(self._places[place])]

    def has(self, row: Row) -> bool:
        """Tell whether the set has a row already."""
        return self(_itself(row)) is not None

    def leaks(self, other: "Known") -> int:
        """Count what the two have in different splits."""
        _, mine, theirs = np.intersect1d(self._keys, other._keys, return_indices=True)
        sides = np.array([*self._splits, *other._splits], dtype=object)
        return int((sides[self._places[mine]] != sides[other._places[theirs] + len(self._splits)]).sum())


def write_ties(folder: Path, rows: Iterable[Row]) -> None:
    """Write the file of one run below `folder`; raises OSError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    hashes, places = array("Q"), array("B")
    names: dict[str, int] = {}
    for row in rows:
        place = names.setdefault(row.split or TRAIN, len(names))
        for tie in (_itself(row), *ties_of(row)):
            hashes.append(tie_key(tie))
            places.append(place)
    keys, first = np.unique(np.frombuffer(hashes, np.uint64), return_index=True)
    indices = pa.array(np.frombuffer(places, np.uint8)[first].astype(np.int8))
    splits = pa.DictionaryArray.from_arrays(indices, pa.array(list(names), pa.string()))
    (folder / FILE).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"key": pa.array(keys), "split": splits}), folder / FILE, compression="zstd")


def read_ties(files: Iterable[bytes]) -> Known:
    """Join the files of all runs; raises ValueError on what is none."""
    import pyarrow.parquet as pq

    names: dict[str, int] = {}
    keys, places = [np.zeros(0, np.uint64)], [np.zeros(0, np.uint8)]
    for content in files:
        try:
            table = pq.read_table(BytesIO(content))
            splits = table["split"].combine_chunks().dictionary_encode()
            keys.append(table["key"].to_numpy().astype(np.uint64))
        except (OSError, KeyError) as error:
            raise ValueError(f"no file of ties: {error}") from None
        known = [names.setdefault(name, len(names)) for name in splits.dictionary.to_pylist()]
        places.append(np.array(known, np.uint8)[splits.indices.to_numpy()])
    return Known(np.concatenate(keys), np.concatenate(places), list(names))


def _itself(row: Row) -> Tie:
    return "row", row.id
