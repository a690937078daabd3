"""One process works on a run folder at a time."""

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from flows.errors import StoreError, UsageError
from flows.store.layout import Layout


@contextmanager
def locked(layout: Layout) -> Iterator[None]:
    """Hold the run's lock; raises UsageError when another process does.

    The operating system frees the lock with the process, however it ends.
    """
    try:
        layout.root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(layout.lock, blocking=False)
        lock.acquire()
    except Timeout:
        raise UsageError(f"{layout.root}: another process is working on this run; wait for it") from None
    except OSError as error:
        raise StoreError(f"{layout.root}: cannot be written: {error.strerror}") from None
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
