"""What a run has done so far, counted as it goes, for whoever shows it."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from flows.llm.traffic import Traffic


@dataclass(slots=True)
class Progress:
    """Counters of one run; stages add to them, a display reads them."""

    target: int = 0
    """Rows the run is to accept."""
    stage: str = "start"
    round: int = 0
    """0 for the first asking of a stage, 1 and on for top-ups."""
    planned: int = 0
    """Units of the stage at work, 0 when nobody knows."""
    unit: str = "asked"
    """What people call a unit that is done."""
    done: int = 0
    """Units of it that are finished, those of an earlier process included."""
    written: int = 0
    """Units of it that gave a row or a task list."""
    accepted: int = 0
    """Rows that passed curation so far."""
    rejected: Counter[str] = field(default_factory=Counter)
    """Reason -> units and rows rejected so far in this stage."""
    traffic: Callable[[], Traffic] = Traffic
    """Gives what is known of the requests at this moment."""
    began: float = 0.0
    """When the stage or round began, on the monotonic clock."""
    changed: Callable[[], None] = lambda: None
    """Called when a stage begins; the display may say so."""
    tell: Callable[[str], None] = lambda words: None
    """Called with a line that a person should see once."""

    def begin(self, stage: str, planned: int = 0, round: int = 0, unit: str = "asked") -> None:
        """Start a stage or another round of it."""
        self.stage, self.planned, self.round, self.unit = stage, planned, round, unit
        self.done = self.written = 0
        self.began = time.monotonic()
        self.rejected.clear()
        self.changed()

    @property
    def rate(self) -> float:
        """Units finished a second since the stage or round began."""
        seconds = time.monotonic() - self.began
        return self.done / seconds if self.began and seconds > 0 else 0.0

    def finish(self, reason: str | None = None) -> None:
        """Count one unit as written, or rejected for a reason."""
        self.done += 1
        if reason is None:
            self.written += 1
        else:
            self.rejected[reason] += 1

    def recount(self, done: int, rejected: Mapping[str, int]) -> None:
        """Count a shard that an earlier process finished."""
        self.done += done
        self.written += done - sum(rejected.values())
        self.rejected.update(rejected)


_watched: ContextVar[Progress] = ContextVar("progress")


def watched() -> Progress:
    """Give the counters that somebody watches, or fresh ones."""
    return _watched.get(Progress())


@contextmanager
def watching(progress: Progress) -> Iterator[None]:
    """Have the runs inside count on `progress`: a flow's parameters must be plain data, so it cannot be one."""
    token = _watched.set(progress)
    try:
        yield
    finally:
        _watched.reset(token)
