"""A part of an index: texts that were added together, written once and from then on only read."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from flows.curation.near.corpus import Corpus, read_corpus
from flows.curation.near.policy import NearPolicy
from flows.errors import StoreError
from flows.index.filing import Filing, filing_name, make_filing, read_filing, write_filing
from flows.store.atomic import replace_file

ENTRY = pa.schema([("id", pa.large_string()), ("group", pa.large_string()), ("text", pa.large_string())])
"""An entry: id of the row, name of the group that it is compared in, its words joined by spaces."""
_ROWS = "rows.arrow"
_BATCH = 1 << 14
"""Entries turned into Python strings at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Entries on disk; the table is mapped, and filed anew for a policy that none was filed for."""

    folder: Path
    rows: pa.Table

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    def texts(self, places: NDArray[np.int64]) -> list[str]:
        """Give the words of entries, joined by spaces."""
        return self._taken("text", places)

    def ids(self, places: NDArray[np.int64]) -> list[str]:
        """Give the ids of entries."""
        return self._taken("id", places)

    def vectors(self) -> NDArray[np.float32]:
        """Give the vectors of all entries, mapped from disk; for entries that have some."""
        piece = self._piece("vector")
        vectors: NDArray[np.float32] = piece.flatten().to_numpy().reshape(len(self), piece.type.list_size)
        return vectors

    def _taken(self, name: str, places: NDArray[np.int64]) -> list[str]:
        found: list[str] = self._piece(name).take(pa.array(places)).to_pylist()
        return found

    def _piece(self, name: str) -> Any:
        """Give a column, which is written as one piece: of several all would be copied."""
        column = self.rows[name]
        return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()

    def groups(self) -> Iterator[str]:
        """Yield the names of all entries' groups."""
        return _column(self.rows, "group")

    def filing(self, policy: NearPolicy) -> Filing:
        """Give the filing for a policy, made and written where there is none; raises StoreError."""
        folder = self.folder / filing_name(policy)
        try:
            if not folder.is_dir():
                write_filing(folder, make_filing(_corpus(self.rows), policy))
            return read_filing(folder)
        except (OSError, ValueError, EOFError) as error:
            raise StoreError(f"{folder}: is damaged ({error})") from None


def write_segment(folder: Path, rows: pa.Table) -> Segment:
    """Write entries, a table as `ENTRY` says or with vectors for texts, in a folder of their own; raises StoreError."""
    with replace_file(folder / _ROWS) as file, pa.ipc.new_file(file, rows.schema) as writer:
        writer.write_table(rows.combine_chunks())
    return read_segment(folder)


def read_segment(folder: Path) -> Segment:
    """Open a segment; raises StoreError when it is missing or damaged."""
    try:
        return Segment(folder, pa.ipc.open_file(pa.memory_map(str(folder / _ROWS))).read_all())
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{folder}: is damaged ({error})") from None


def entry_table(entries: Iterable[tuple[str, str, Sequence[str]]]) -> pa.Table:
    """Make a table of entries given as id, group and words."""
    batches = []
    rows: list[tuple[str, str, str]] = []

    def batch() -> pa.RecordBatch:
        columns = [pa.array(column, pa.large_string()) for column in zip(*rows, strict=True)]
        return pa.RecordBatch.from_arrays(columns, schema=ENTRY)

    for id_, group, words in entries:
        rows.append((id_, group, " ".join(words)))
        if len(rows) == _BATCH:
            batches.append(batch())
            rows.clear()
    if rows:
        batches.append(batch())
    return pa.Table.from_batches(batches, ENTRY)


def _corpus(rows: pa.Table) -> Corpus:
    return read_corpus((text.split() for text in _column(rows, "text")), _column(rows, "group"))


def _column(rows: pa.Table, name: str) -> Iterator[str]:
    for batch in rows.select([name]).to_batches(max_chunksize=_BATCH):
        yield from batch.column(0).to_pylist()
