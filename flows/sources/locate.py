"""Find what a path names: a file, a folder of files, a run, a published set, a saved data set, or one on the Hub."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import file_digest, sha256
from pathlib import Path

from flows.errors import UsageError
from flows.sources.datasets import read_dataset, read_saved
from flows.sources.records import Records, is_data_file, read_records

HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+\Z")


@dataclass(frozen=True, slots=True)
class Source:
    """Records that can be read, more than once."""

    name: str
    """How it is called in messages and in the card."""
    fingerprint: str
    """Changes with the content; of a set on the Hub, with what was asked for."""
    read: Callable[[], Records]
    """Gives the records from the first; raises UsageError."""


def locate(path: str, config: str | None = None, split: str | None = None) -> Source:
    """Find what `path` names; raises UsageError when there is nothing.

    `config` and `split` are those of a data set; a plain file has none.
    """
    place = Path(path)
    if place.is_dir():
        return _folder(place, config, split)
    if config or split:
        if place.exists():
            raise UsageError(f"{path}: is a file; --config and --split are for data sets")
    elif place.is_file():
        return files_source(place, [place])
    if HUB_NAME.match(path) and not is_data_file(place):
        return Source(path, f"{path} {config} {split}", partial(read_dataset, path, config, split))
    raise UsageError(f"{path}: no such file or folder")


def _folder(place: Path, config: str | None, split: str | None) -> Source:
    """Tell the kinds of folder apart by what they hold; raises UsageError when there is nothing to read."""
    if not (config or split):
        for pattern in ("generate/shard-*.jsonl", "import/shard-*.jsonl"):
            if (place / "manifest.json").is_file() and (rows := sorted(place.glob(pattern))):
                return files_source(place, rows)
        for published in (place, place / "publish"):
            if (published / "triplesmith.json").is_file():
                return files_source(place, sorted((published / "data" / "full").glob("*.parquet")))
    content = _content(place)
    if not content:
        raise UsageError(f"{place}: holds no data: no JSONL, JSON, CSV, TSV or Parquet file, no saved data set")
    name = place.resolve().name
    if (place / "dataset_dict.json").is_file() or (place / "state.json").is_file():
        return Source(name, _fingerprint(place, content), partial(read_saved, place, split))
    if config or split or _has_configs(place / "README.md"):
        return Source(name, _fingerprint(place, content), partial(read_dataset, str(place), config, split))
    return files_source(place, [file for file in content if is_data_file(file)])


def _content(place: Path) -> list[Path]:
    files = sorted(path for path in place.rglob("*") if path.is_file())
    shown = [path for path in files if not any(part.startswith(".") for part in path.relative_to(place).parts)]
    return [path for path in shown if is_data_file(path) or path.suffix == ".arrow"]


def _has_configs(readme: Path) -> bool:
    """Whether a card says which files make which data set."""
    if not readme.is_file():
        return False
    return bool(re.match(r"---\n(?:.*\n)*?configs:", readme.read_text("utf-8", "replace")))


def files_source(place: Path, files: list[Path]) -> Source:
    """Give the records of files one after the other; `place` is the folder that they are in, or the one file."""

    def read() -> Records:
        for file in files:
            yield from read_records(file, _name(place, file))

    if not files:
        raise UsageError(f"{place}: holds no rows")
    return Source(place.resolve().name, _fingerprint(place, files), read)


def _name(place: Path, file: Path) -> str:
    return file.name if place == file else file.relative_to(place).as_posix()


def _fingerprint(place: Path, files: list[Path]) -> str:
    every = sha256()
    for line in _digests(place, files):
        every.update(line.encode())
    return every.hexdigest()[:16]


def _digests(place: Path, files: list[Path]) -> Iterator[str]:
    for path in files:
        try:
            with path.open("rb") as file:
                yield f"{_name(place, path)}\n{file_digest(file, 'sha256').hexdigest()}\n"
        except OSError as error:
            raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
