"""Judge from latencies alone at how many requests in flight a server works best.

A server that queues what it cannot serve (vLLM, Ollama) never refuses; beyond its best point more requests in flight
only make each slower. By Little's law throughput is requests in flight / latency, so it stops growing exactly where
latency grows as fast as the number in flight. Latencies of chat replies vary a hundredfold with the reply's length:
they are compared by the mean of their logarithms, and only differences beyond its standard error count.
"""

import math
from dataclasses import dataclass

_WIDTH = math.log(2) / 2
"""Numbers in flight are compared in classes, each wider by a factor of sqrt(2)."""
_WORTH = 0.72
"""A class pays if log latency grows by less than this share of the log number in flight (1 would be no gain at all)."""
_ERRORS = 1.5
"""Standard errors by which a difference must exceed that."""
_ENOUGH = 5
"""Fewer replies than this say nothing."""
_MEMORY = 200
"""Replies over which a class forgets."""
_SURE = 30
"""Replies after which the next lower class need not be tried."""
_FADING = 0.94
"""Weight left, after each window spent lower, of what was seen higher up: it is tried again some time."""
_MISSING = 0.03
"""Share of a class's requests that may still be on their way: long replies come last, so an early mean is too short."""


@dataclass(slots=True)
class _Class:
    """Replies to requests sent with about so many in flight."""

    replies: float = 0.0
    load: float = 0.0
    """Mean of the log number in flight; a class is not filled evenly."""
    mean: float = 0.0
    """Of log seconds."""
    variance: float = 0.0
    on_their_way: int = 0

    def add(self, load: float, value: float) -> None:
        self.replies = min(self.replies + 1.0, _MEMORY)
        self.load += (load - self.load) / self.replies
        step = (value - self.mean) / self.replies
        self.variance += (step * (value - self.mean) * (self.replies - 1) - self.variance) / self.replies
        self.mean += step

    @property
    def error(self) -> float:
        """Square of the mean's standard error."""
        return self.variance / self.replies


class LatencyBook:
    """What replies took, by the number in flight when their request was sent."""

    def __init__(self) -> None:
        self._classes: dict[int, _Class] = {}

    def sent(self, in_flight: int) -> None:
        """Note a request that goes out as one of so many."""
        level = _level(in_flight)
        if level not in self._classes:
            self._classes[level] = _Class()
        self._classes[level].on_their_way += 1

    def ended(self, in_flight: int, seconds: float | None) -> None:
        """Note what a request that was sent as one of so many took, or None when it was not answered."""
        entry = self._classes[_level(in_flight)]
        entry.on_their_way -= 1
        if seconds is not None:
            entry.add(math.log(in_flight), math.log(max(seconds, 1e-6)))

    def best_below(self, limit: float) -> int | None:
        """Give a lower limit when being at this one does not pay, else None."""
        return None if self._pays(_level(limit)) else self.below(limit)

    def below(self, limit: float) -> int:
        """Give the most in flight of the next lower class, at least 1."""
        return max(1, math.floor(math.exp((_level(limit) - 1) * _WIDTH) + 1e-9))

    def sure(self, limit: float) -> bool:
        """Whether enough is known of being at a limit."""
        entry = self._classes.get(_level(limit))
        return entry is not None and entry.replies >= _SURE

    def pays_above(self, limit: float) -> bool:
        """Whether nothing is known against letting one more request in flight."""
        level = _level(limit + 1)
        return level == _level(limit) or self._pays(level)

    def doubt(self) -> None:
        """Let all that was seen so far weigh little: at first connections are opened and caches filled."""
        for entry in self._classes.values():
            entry.replies = min(entry.replies, _ENOUGH)

    def fade(self, limit: float) -> None:
        """Let what was seen at more than `limit` in flight weigh less."""
        top = _level(limit)
        for level, entry in self._classes.items():
            if level > top:
                entry.replies *= _FADING

    def _pays(self, level: int) -> bool:
        here = self._classes.get(level)
        if here is None or here.replies < _ENOUGH:
            return True
        for lower, entry in self._classes.items():
            known = entry.replies >= _ENOUGH and entry.on_their_way <= _MISSING * entry.replies
            if lower < level and known:
                margin = _ERRORS * math.sqrt(here.error + entry.error)
                if here.mean - entry.mean > _WORTH * (here.load - entry.load) + margin:
                    return False
        return True


def _level(in_flight: float) -> int:
    """Number the classes: 1, 2, 3-4, 5, 6-8, 9-11, 12-16, … in flight."""
    return max(0, math.ceil(math.log(max(in_flight, 1.0)) / _WIDTH - 1e-9))
