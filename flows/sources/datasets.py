"""Read data sets of the Hub and its folders through the `datasets` library, streaming."""

from pathlib import Path
from typing import Any

from flows.errors import UsageError
from flows.sources.records import Record, Records

DEFAULT_SPLIT = "train"


def read_dataset(path: str, config: str | None, split: str | None) -> Records:
    """Yield the records of one split of a data set on the Hub or in a folder; raises UsageError.

    Without a split it is `train`, or the only one.
    """
    import datasets

    _be_quiet(datasets)
    try:
        opened = datasets.load_dataset(path, config, streaming=True)
    except Exception as error:
        # the library raises what its backends raise: of the network, of files, of its own
        raise UsageError(f"{path}: {_explained(path, error)}") from None
    yield from _records(opened[_split(path, list(opened), split)], path)


def read_all_splits(path: str) -> Records:
    """Yield the records of every config and split of a data set but those to train on, named `path/config/split`.

    Raises UsageError.
    """
    import datasets

    _be_quiet(datasets)
    try:
        configs = datasets.get_dataset_config_names(path)
        opened = {config: datasets.load_dataset(path, config, streaming=True) for config in configs}
    except Exception as error:
        raise UsageError(f"{path}: {_explained(path, error)}") from None
    for config, splits in opened.items():
        for split in [split for split in splits if split != DEFAULT_SPLIT] or splits:
            yield from _records(splits[split], f"{path}/{config}/{split}")


def read_saved(place: Path, split: str | None) -> Records:
    """Yield the records of a data set that `save_to_disk` wrote; raises UsageError."""
    import datasets

    _be_quiet(datasets)
    try:
        opened = datasets.load_from_disk(str(place))
    except Exception as error:
        raise UsageError(f"{place}: cannot be read as a saved data set: {_line(error)}") from None
    if isinstance(opened, datasets.DatasetDict):
        opened = opened[_split(str(place), list(opened), split)]
    yield from _records(opened, str(place))


def _records(rows: Any, name: str) -> Records:
    try:
        for number, values in enumerate(rows, start=1):
            yield Record(f"{name}:{number}", values)
    except Exception as error:
        raise UsageError(f"{name}: cannot be read to its end: {_line(error)}") from None


def _split(name: str, there: list[str], asked: str | None) -> str:
    if asked in there:
        return str(asked)
    if asked is None and DEFAULT_SPLIT in there:
        return DEFAULT_SPLIT
    if asked is None and len(there) == 1:
        return there[0]
    raise UsageError(f"{name}: give --split, one of {', '.join(there)}" + (f"; there is no {asked!r}" if asked else ""))


def _explained(path: str, error: Exception) -> str:
    from datasets.exceptions import DatasetNotFoundError

    if isinstance(error, DatasetNotFoundError) and not Path(path).exists():
        return "no such file or folder, and no data set of that name on the Hub (or it is private: set HF_TOKEN)"
    return _line(error) if Path(path).exists() else f"no such file or folder; as a data set of the Hub: {_line(error)}"


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _be_quiet(datasets: Any) -> None:
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
