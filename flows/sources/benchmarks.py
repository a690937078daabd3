"""Read the queries and documents of a benchmark, whatever its layout."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

from flows.errors import UsageError
from flows.sources.columns import KNOWN
from flows.sources.datasets import read_all_splits
from flows.sources.locate import HUB_NAME, Source, files_source
from flows.sources.records import BadRecord, is_data_file

QUERIES = ("quer", "question")
"""Parts of names of files and configs that hold queries."""
QUERY_COLUMNS = frozenset(KNOWN["query"].split()) | {"sentence2", "sentence_b", "text2", "sent2"}
"""Both sides of a pair of equals are short texts like queries."""
DOCUMENT_COLUMNS = frozenset("text title body contents content abstract".split()).union(
    *(KNOWN[role].split() for role in ("positives", "negatives", "documents"))
)

Texts = Iterator[tuple[Literal["query", "document"], str]]


def locate_benchmark(path: str) -> Source:
    """Find a BEIR or MTEB folder, a data file or a data set on the Hub; raises UsageError when there is none."""
    place = Path(path)
    if place.is_file():
        return files_source(place, [place])
    if place.is_dir():
        files = sorted(file for file in place.rglob("*") if is_data_file(file) and "qrels" not in file.parts)
        if not files:
            raise UsageError(f"{path}: holds no queries or documents: no JSONL, JSON, CSV, TSV or Parquet file")
        return files_source(place, files)
    if HUB_NAME.match(path) and not is_data_file(place):
        return Source(path, path, partial(read_all_splits, path))
    raise UsageError(f"{path}: no such file or folder")


def read_texts(source: Source) -> Texts:
    """Yield every text of a benchmark and whether it is a query; what names texts only (qrels) has none.

    A title and the text under it are one document. Raises UsageError when nothing is a text.
    """
    found = False
    for record in source.read():
        if isinstance(record, BadRecord):
            raise UsageError(f"{source.name}: {record.where}: {record.detail}")
        place = record.where.rpartition(":")[0].lower()
        for kind, text in _of_record(record.values, any(word in place for word in QUERIES)):
            found = True
            yield kind, text
    if not found:
        known = ", ".join(sorted(QUERY_COLUMNS | DOCUMENT_COLUMNS))
        raise UsageError(f"{source.name}: no column of a known name holds text; known: {known}")


def _of_record(values: Mapping[str, Any], are_queries: bool) -> Texts:
    named = {name.strip().lower().replace(" ", "_").replace("-", "_"): value for name, value in values.items()}
    title, text = named.get("title"), named.get("text")
    if isinstance(title, str) and title and isinstance(text, str):
        named = {**named, "title": None, "text": f"{title} {text}"}
    for name, value in named.items():
        if name in QUERY_COLUMNS or (name in DOCUMENT_COLUMNS and are_queries):
            yield from (("query", text) for text in _plain(value))
        elif name in DOCUMENT_COLUMNS:
            yield from (("document", text) for text in _plain(value))


def _plain(value: Any) -> Iterator[str]:
    """Yield the texts of a value: one, a list of them, or passages."""
    if isinstance(value, str) and value.strip():
        yield value
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _plain(member)
    elif isinstance(value, Mapping):
        yield from _plain([value.get("title"), value.get("text")])
