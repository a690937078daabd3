"""Replace a folder wholly or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.errors import StoreError


@contextmanager
def replace_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder that takes the place of `path`, with all it held, when the block ends well.

    A process killed on the way leaves the old folder, the new one, or (between two renames) none, never a mixture;
    the next call clears away what it left. Raises StoreError.
    """
    fresh, old = (path.with_name(f".{path.name}.{which}") for which in ("new", "old"))
    try:
        if old.exists() and not path.exists():
            old.rename(path)
        _clear(fresh, old)
        fresh.mkdir(parents=True)
        yield fresh
        if path.exists():
            path.rename(old)
        fresh.rename(path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        _clear(fresh, old)


def _clear(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
