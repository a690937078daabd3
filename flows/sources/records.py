"""Read the records of data files, one at a time; a bad one is a value that says what is wrong with it."""

import csv
import gzip
import io
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from flows.errors import UsageError

Values = Mapping[str, Any]
"""Column -> value."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it stands in its source."""

    where: str
    """File and line, or file and row."""
    values: Values


@dataclass(frozen=True, slots=True)
class BadRecord:
    """Something that is no record."""

    where: str
    reason: str
    """Name under which the ledger counts it."""
    detail: str
    text: str
    """What stood there, as far as it can be shown."""


Records = Iterator[Record | BadRecord]

SHOWN = 2000
"""Characters of a bad line that are kept."""


def is_data_file(path: Path) -> bool:
    """Whether the file's name says that it holds records."""
    return _suffix(path) in _READERS


def read_records(path: Path, name: str) -> Records:
    """Yield the records of a JSONL, JSON, CSV, TSV or Parquet file; `name` is how the file is called in messages.

    JSON lines, arrays of objects and CSV may be compressed by gzip. Raises UsageError when the file cannot be read.
    """
    reader = _READERS.get(_suffix(path))
    if reader is None:
        raise UsageError(f"{path}: unknown kind of file; known: {', '.join(sorted(_READERS))}, the text ones also .gz")
    try:
        yield from reader(path, name)
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{path}: cannot be read: {' '.join(reason.split())}") from None


def _suffix(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return suffixes[-2] if suffixes[-1:] == [".gz"] and len(suffixes) > 1 else "".join(suffixes[-1:])


def _open(path: Path) -> BinaryIO:
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")  # type: ignore[return-value]


def _read_json(path: Path, name: str) -> Records:
    """Yield the objects of a file that holds one array, or one object a line."""
    with _open(path) as file:
        head = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
        file.seek(0)
        if not head.startswith(b"["):
            yield from _lines(file, name)
            return
        try:
            members = json.loads(file.read().decode("utf-8-sig"))
        except ValueError as error:
            raise UsageError(f"{path}: no JSON array: {error}; one object a line is read line by line") from None
    for number, member in enumerate(members, start=1):
        yield _record(member, f"{name}:{number}")


def _lines(file: BinaryIO, name: str) -> Records:
    for number, line in enumerate(file, start=1):
        content = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if not content.strip():
            continue
        where = f"{name}:{number}"
        try:
            value = _loads(content)
        except ValueError as error:
            yield BadRecord(where, "bad_json", " ".join(str(error).split()), _shown(content))
        else:
            yield _record(value, where)


def _loads(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        # orjson refuses NaN and halves of characters, which Python itself writes
        return json.loads(line)


def _record(value: Any, where: str) -> Record | BadRecord:
    if isinstance(value, dict):
        return Record(where, value)
    return BadRecord(where, "bad_record", f"an object is wanted, not a {type(value).__name__}", _shown(value))


def _read_csv(path: Path, name: str) -> Records:
    separator = "\t" if _suffix(path) == ".tsv" else ","
    # a field holds a whole document, more than the module's 128 kB at times
    csv.field_size_limit(sys.maxsize)
    # undecodable bytes become marks that the rule `encoding` finds
    with _open(path) as file, io.TextIOWrapper(file, "utf-8-sig", errors="replace", newline="") as text:
        reader = csv.reader(text, delimiter=separator)
        header = next(reader, None)
        if header is None:
            return
        try:
            for number, fields in enumerate(reader, start=2):
                if not fields:
                    continue
                if len(fields) != len(header):
                    detail = f"{len(fields)} fields, the header has {len(header)}"
                    yield BadRecord(f"{name}:{number}", "bad_record", detail, _shown(separator.join(fields)))
                else:
                    yield Record(f"{name}:{number}", dict(zip(header, fields, strict=True)))
        except csv.Error as error:
            raise UsageError(f"{path}: line {reader.line_num}: no CSV: {error}") from None


def _read_parquet(path: Path, name: str) -> Records:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1000):
                for values in batch.to_pylist():
                    number += 1
                    yield Record(f"{name}:{number}", values)
    except pa.ArrowException as error:
        raise UsageError(f"{path}: cannot be read as Parquet: {' '.join(str(error).split())}") from None


def _shown(content: Any) -> str:
    text = content.decode("utf-8", "replace") if isinstance(content, bytes) else str(content)
    return text.strip()[:SHOWN].encode("utf-8", "replace").decode()


_READERS: dict[str, Callable[[Path, str], Records]] = {
    ".jsonl": _read_json,
    ".ndjson": _read_json,
    ".json": _read_json,
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".parquet": _read_parquet,
}
