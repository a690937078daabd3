"""Write rows as the Parquet files of a Hub data set: `data/<config>/<split>-00000-of-00001.parquet`."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from flows.domain.records import Row
from flows.publishing.features import Features, arrow_schema
from flows.publishing.formats.shape import NOT_UTF8, Record, Shape, Unfit, encodable
from flows.publishing.splits import TRAIN

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP = 1000
"""Lines in memory for each file, and in each row group: small groups let the Hub's viewer page through long texts."""

ROWS_PER_FILE = 250_000


@dataclass(slots=True)
class Size:
    """Lines of one split of one config, and what they take in memory."""

    rows: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Written:
    """What one config came to."""

    name: str
    columns: Features
    about: str
    splits: dict[str, Size] = field(default_factory=dict)
    unfit: Counter[str] = field(default_factory=Counter)
    """Reason -> rows that the config cannot hold."""

    @property
    def paths(self) -> dict[str, str]:
        """Split -> the pattern of its files."""
        return {split: f"data/{self.name}/{split}-*.parquet" for split in self.splits}

    @property
    def rows(self) -> int:
        """Lines of all splits."""
        return sum(size.rows for size in self.splits.values())


def write_parquet(
    rows: Iterable[Row], folder: Path, shapes: Sequence[Shape], *, rows_per_file: int = ROWS_PER_FILE
) -> tuple[Written, ...]:
    """Write every row in every shape below `folder`; the same rows give the same bytes.

    Memory is bounded: `ROW_GROUP` lines for each config and split. Raises OSError.
    """
    with ExitStack() as open_files:
        configs = [_Config(shape, folder, rows_per_file, open_files) for shape in shapes]
        for row in rows:
            fits = encodable(row)
            for config in configs:
                if config.shape.meant(row):
                    config.add(row.split or TRAIN, config.shape.lay_out(row) if fits else NOT_UTF8)
        return tuple(config.close() for config in configs)


class _Config:
    """The files of one config."""

    def __init__(self, shape: Shape, folder: Path, rows_per_file: int, open_files: ExitStack) -> None:
        self.shape = shape
        self._written = Written(shape.name, shape.columns, shape.about)
        self._splits: dict[str, _Split] = {}
        self._new = partial(_Split, shape, folder / "data" / shape.name, rows_per_file, open_files)

    def add(self, split: str, lines: Sequence[Record] | Unfit) -> None:
        if isinstance(lines, Unfit):
            self._written.unfit[lines.reason] += 1
        elif lines:
            if split not in self._splits:
                self._splits[split] = self._new(split)
            self._splits[split].add(lines)

    def close(self) -> Written:
        for name in sorted(self._splits):
            self._written.splits[name] = self._splits[name].close()
        return self._written


class _Split:
    """The files of one split of one config, written a row group at a time."""

    def __init__(self, shape: Shape, folder: Path, rows_per_file: int, open_files: ExitStack, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._schema = arrow_schema(shape.columns)
        self._prefix = folder / name
        self._rows_per_file = rows_per_file
        self._open_files = open_files
        self._lines: list[Record] = []
        self._files: list[_File] = []
        self._size = Size()

    def add(self, lines: Iterable[Record]) -> None:
        for line in lines:
            self._lines.append(line)
            self._size.rows += 1
            if len(self._lines) == ROW_GROUP or not self._size.rows % self._rows_per_file:
                self._flush()

    def close(self) -> Size:
        if self._lines:
            self._flush()
        for number, file in enumerate(self._files):
            file.close()
            file.path.rename(f"{self._prefix}-{number:05}-of-{len(self._files):05}.parquet")
        return self._size

    def _flush(self) -> None:
        import pyarrow as pa

        columns = zip(*self._lines, strict=True)
        arrays = [pa.array(values, kind) for values, kind in zip(columns, self._schema.types, strict=True)]
        table = pa.Table.from_arrays(arrays, schema=self._schema)
        first = self._size.rows - len(self._lines)
        if first == len(self._files) * self._rows_per_file:
            path = Path(f"{self._prefix}-{len(self._files):05}.parquet")
            self._files.append(self._open_files.enter_context(_File(path, self._schema)))
        self._files[-1].write(table)
        self._size.bytes += table.nbytes
        self._lines.clear()


class _File:
    """One Parquet file, on the disk itself when closed."""

    def __init__(self, path: Path, schema: "pa.Schema") -> None:
        import pyarrow.parquet as pq

        self.path = path
        self._sink = path.open("wb")
        # the page index lets the viewer and query engines read single pages
        self._writer = pq.ParquetWriter(self._sink, schema, compression="zstd", write_page_index=True)

    def __enter__(self) -> "_File":
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._writer.close()
        finally:
            self._sink.close()

    def write(self, table: "pa.Table") -> None:
        self._writer.write_table(table)

    def close(self) -> None:
        self._writer.close()
        self._sink.flush()
        os.fsync(self._sink.fileno())
        self._sink.close()
