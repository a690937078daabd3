"""Read published data sets back, for an index that is built anew."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from flows.curation.near.policy import Compare
from flows.curation.semantic import Encoder, encode_texts
from flows.curation.tokens import tokens
from flows.errors import UsageError
from flows.index.index import Entry
from flows.index.meanings import vector_table
from flows.index.rows import compared_text
from flows.publishing.hub_errors import expected, explain

_COLUMNS = ["id", "family", "task", "query", "positives"]
_FULL = "data/full"
_HUB = re.compile(r"[\w.-]+/[\w.-]+")


def published_entries(sources: Sequence[str], compare: Compare) -> Iterator[Entry]:
    """Yield what an index holds of published rows; sources and errors are those of `published_texts`."""
    return ((id_, family, tokens(text)) for id_, family, text in published_texts(sources, compare))


def published_vectors(sources: Sequence[str], compare: Compare, encoder: Encoder) -> pa.Table:
    """Give the vectors of published rows, as an index holds them; sources and errors are those of `published_texts`."""
    ids: list[str] = []
    groups: list[str] = []

    def texts() -> Iterator[str]:
        for id_, family, text in published_texts(sources, compare):
            ids.append(id_)
            groups.append(family)
            yield text

    vectors = encode_texts(encoder, texts())
    return vector_table(ids, groups, vectors)


def published_texts(sources: Sequence[str], compare: Compare) -> Iterator[tuple[str, str, str]]:
    """Yield id, family and text of published rows, each id once; a task once, under the id of the first of its rows.

    A source is a run folder, a folder with a data set's files, a Parquet file with the columns of the config `full`,
    or a data set USER/NAME on the Hub. Raises UsageError when it is nothing of that, PublishError when the Hub fails.
    """
    seen: set[object] = set()
    for source in sources:
        for row in _rows(source):
            text = compared_text(compare, row["task"], row["query"], [each["text"] for each in row["positives"]])
            key = (row["family"], text) if compare == "task" else row["id"]
            if key not in seen:
                seen.add(key)
                yield row["id"], row["family"], text


def _rows(source: str) -> Iterator[dict[str, Any]]:
    place = Path(source)
    if place.exists():
        folders = (place / "publish" / _FULL, place / _FULL, place)
        files = [place] if place.is_file() else next(filter(None, (sorted(f.glob("*.parquet")) for f in folders)), [])
        if not files:
            raise UsageError(f"{source}: holds no published data (no {_FULL}/*.parquet)")
        for path in files:
            yield from _read(path, str(path))
    elif _HUB.fullmatch(source):
        yield from _hub_rows(source)
    else:
        raise UsageError(f"{source}: no such file or folder, and no data set USER/NAME")


def _hub_rows(repo_id: str) -> Iterator[dict[str, Any]]:
    from huggingface_hub import HfFileSystem, constants

    endpoint = os.environ.get("HF_ENDPOINT") or constants.ENDPOINT
    with ExitStack() as opened:
        try:
            files = HfFileSystem(endpoint=endpoint, skip_instance_cache=True)
            paths = sorted(files.glob(str(PurePosixPath("datasets", repo_id, f"{_FULL}/*.parquet"))))
            if not paths:
                raise UsageError(f"{repo_id}: holds no published data (no {_FULL}/*.parquet)")
            for path in paths:
                yield from _read(opened.enter_context(files.open(path)), f"{repo_id}: {path}")
        except FileNotFoundError:
            raise UsageError(f"{repo_id}: no such file or folder, and no such data set on the Hub") from None
        except expected() as error:
            raise explain(error, repo_id, endpoint, None) from None


def _read(file: Any, name: str) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(file)
        if missing := {*_COLUMNS} - {*table.schema_arrow.names}:
            raise UsageError(f"{name}: has no column {', '.join(sorted(missing))}; name the files of the config `full`")
        for batch in table.iter_batches(columns=_COLUMNS):
            yield from batch.to_pylist()
    except pa.ArrowException as error:
        raise UsageError(f"{name}: cannot be read as Parquet: {error}") from None
