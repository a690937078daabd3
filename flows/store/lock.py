"""One process works on a folder at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from flows.errors import StoreError, UsageError
from flows.store.layout import Layout


@contextmanager
def locked(layout: Layout) -> Iterator[None]:
    """Hold the run's lock; raises UsageError when another process does."""
    with held(layout.lock, patience=0, busy="another process is working on this run; wait for it"):
        yield


@contextmanager
def held(path: Path, *, patience: float, busy: str) -> Iterator[None]:
    """Hold a lock, waiting for it so many seconds; raises UsageError with `busy` when another process keeps it.

    The operating system frees the lock with the process, however it ends.
    """
    folder, lock = path.parent, FileLock(path, timeout=patience)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise UsageError(f"{folder}: {busy}") from None
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written: {error.strerror}") from None
    try:
        yield
    finally:
        lock.release()


def is_locked(layout: Layout) -> bool:
    """Whether a process works on the run now."""
    if not layout.lock.exists():
        return False
    try:
        with FileLock(layout.lock, blocking=False):
            return False
    except Timeout:
        return True
