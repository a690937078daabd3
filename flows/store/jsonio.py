"""JSON lines, fast, and safe for whatever a model may have written."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jsonlines
import orjson

from flows.errors import StoreError
from flows.store.atomic import replace_file


def dumps(value: Any) -> bytes:
    """Encode to one line of JSON.

    Dataclasses are written as their fields. orjson refuses lone surrogates, which a model's reply may hold; the
    standard library escapes them.
    """
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, separators=(",", ":"), default=asdict).encode()


def loads(line: bytes | str) -> Any:
    """Decode what `dumps` wrote; raises ValueError."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return json.loads(line)


def read_lines(path: Path) -> Iterator[Any]:
    """Yield the values of a JSONL file; raises StoreError naming the line that is damaged."""
    try:
        with path.open("rb") as file, jsonlines.Reader(file, loads=loads) as reader:
            yield from reader.iter(skip_empty=True)
    except jsonlines.InvalidLineError as error:
        raise StoreError(f"{path}: line {error.lineno} is damaged: {error.line!r:.60}") from None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from None


def write_lines(path: Path, values: Iterable[Any]) -> int:
    """Replace a JSONL file wholly; returns the number of lines."""
    count = 0
    with replace_file(path) as file:
        for value in values:
            file.write(dumps(value) + b"\n")
            count += 1
    return count


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file wholly, indented for people."""
    with replace_file(path) as file:
        file.write(json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n")
