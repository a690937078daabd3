"""Judge from latencies alone at how many requests in flight a server works best.

A server that queues what it cannot serve (vLLM, Ollama) never refuses; beyond its best point more requests in flight only
make each of them slower. By Little's law throughput is requests in flight / latency, so it stops growing exactly where
latency grows as fast as the number in flight. Latencies of chat replies vary a hundredfold with the reply's length,
so they are compared by the mean of their logarithms, which no single long reply moves much.
"""

import math

_STEP = math.log(2) / 2
"""Numbers in flight are compared in classes, each wider by a factor of sqrt(2)."""
_WORTH = 0.72
"""Growth of a class pays if log latency grows by less than this share of what would eat up the gain entirely."""
_ENOUGH = 5
"""Fewer replies than this say nothing about a class."""
_MEMORY = 200
"""Replies over which the mean of a class forgets."""
_FADING = 0.97
"""What is left, after each window spent lower, of the weight of what was seen higher up."""


class LatencyBook:
    """The smoothed log latency of each class of requests in flight."""

    def __init__(self) -> None:
        self._weight: dict[int, float] = {}
        self._mean: dict[int, float] = {}

    def add(self, in_flight: float, seconds: float) -> None:
        """File a reply under the mean number in flight while it was on its way."""
        level = _level(in_flight)
        weight = min(self._weight.get(level, 0.0) + 1.0, _MEMORY)
        mean = self._mean.get(level, 0.0)
        self._weight[level] = weight
        self._mean[level] = mean + (math.log(max(seconds, 1e-6)) - mean) / weight

    def best_below(self, limit: float) -> float | None:
        """Give a lower limit when being at this one does not pay against any class below, else None."""
        top = _level(limit)
        if self._pays(top):
            return None
        return _lower_edge(top)

    def pays_above(self, limit: float) -> bool:
        """Whether nothing is known against letting one more request in flight."""
        level = _level(limit + 1)
        return level == _level(limit) or self._pays(level)

    def fade(self, limit: float) -> None:
        """Forget a little of what was seen at more than `limit` in flight, so that it is tried again some time."""
        top = _level(limit)
        for level in self._weight:
            if level > top:
                self._weight[level] *= _FADING

    def _pays(self, level: int) -> bool:
        if self._weight.get(level, 0.0) < _ENOUGH:
            return True
        return not any(
            self._mean[level] - self._mean[lower] > _WORTH * _STEP * (level - lower)
            for lower, weight in self._weight.items()
            if lower < level and weight >= _ENOUGH
        )


def _level(in_flight: float) -> int:
    return int(math.log(max(in_flight, 1.0)) / _STEP + 1e-9)


def _lower_edge(level: int) -> float:
    """The most in flight of the class below."""
    return max(1.0, math.floor(math.exp(level * _STEP) - 1e-9))
