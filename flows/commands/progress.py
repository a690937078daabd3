"""Show a run's counters: a live line on a terminal, a plain line now and then elsewhere."""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from flows.stages.progress import Progress

LIVE_SECONDS = 0.5
PLAIN_SECONDS = 10.0


@contextmanager
def shown(progress: Progress, clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """Show `progress` until the block ends."""
    started = clock()
    stop = threading.Event()

    def line() -> str:
        return describe(progress, clock() - started)

    with _own_stderr() as stream:
        show = (_live if stream.isatty() else _plain)(line, progress, stop, stream)
        thread = threading.Thread(target=show, name="progress", daemon=True)
        thread.start()
        try:
            with _heard(progress):
                yield
        finally:
            stop.set()
            thread.join()
            progress.tell = lambda words: None  # its stream closes now


@contextmanager
def _own_stderr() -> Iterator[TextIO]:
    """Give a way to standard error that stays while an engine that starts in this process has it redirected."""
    try:
        copy = os.dup(sys.stderr.fileno())
    except OSError:  # not a file
        yield sys.stderr
        return
    with os.fdopen(copy, "w", buffering=1, encoding=sys.stderr.encoding, errors="replace") as stream:
        yield stream


def describe(progress: Progress, seconds: float) -> str:
    """Put the counters into one line."""
    parts = [progress.stage + (f" (top-up {progress.round})" if progress.round else "")]
    if progress.planned:
        parts.append(f"{progress.done}/{progress.planned} {progress.unit}")
    elif progress.done:
        parts.append(f"{progress.done} {progress.unit}")
    if progress.accepted:
        parts.append(f"{progress.accepted}/{progress.target} rows accepted")
    if progress.rejected:
        reasons = ", ".join(f"{count} {reason}" for reason, count in progress.rejected.most_common(3))
        parts.append(f"{progress.rejected.total()} rejected ({reasons})")
    traffic = progress.traffic()
    if traffic.state:
        parts.append(traffic.state)
    if traffic.sent:
        parts.append(f"{traffic.in_flight} in flight")
        parts.append(f"{_short(traffic.tokens_in)}+{_short(traffic.tokens_out)} tokens")
    if traffic.waiting:
        more = f", {len(traffic.waiting) - 3} more" if len(traffic.waiting) > 3 else ""
        parts.append(f"{', '.join(traffic.waiting[:3])}{more}")
    if progress.rate and progress.done < progress.planned:
        parts.append(f"about {_duration((progress.planned - progress.done) / progress.rate)} left")
    parts.append(_duration(seconds))
    return " · ".join(parts)


class _Ear(logging.Handler):
    """Passes a message on as a line of the display."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        self._progress.tell(record.getMessage())


@contextmanager
def _heard(progress: Progress) -> Iterator[None]:
    """Show what the package itself has to say."""
    log, ear = logging.getLogger("flows"), _Ear(progress)
    level, propagate = log.level, log.propagate
    log.addHandler(ear)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(ear)
        log.setLevel(level)
        log.propagate = propagate


def _live(line: Callable[[], str], progress: Progress, stop: threading.Event, stream: TextIO) -> Callable[[], None]:
    def show() -> None:
        from rich.console import Console
        from rich.live import Live
        from rich.text import Text

        console = Console(file=stream)
        progress.tell = lambda words: console.print(words, highlight=False, markup=False)
        with Live(Text(line()), console=console, auto_refresh=False, transient=True) as live:
            while not stop.wait(LIVE_SECONDS):
                live.update(Text(line(), no_wrap=True, overflow="ellipsis"), refresh=True)

    return show


def _plain(line: Callable[[], str], progress: Progress, stop: threading.Event, stream: TextIO) -> Callable[[], None]:
    def tell(words: str) -> None:
        stream.write(words + "\n")

    def say() -> None:
        tell(line())

    def show() -> None:
        progress.changed, progress.tell = say, tell
        while not stop.wait(PLAIN_SECONDS):
            say()
        progress.changed = lambda: None

    return show


def _short(count: int) -> str:
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if count >= size:
            return f"{count / size:.1f}{unit}"
    return str(count)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{rest:02}s" if minutes else f"{rest}s"
