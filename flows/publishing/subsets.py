"""Choose whole groups whose sizes add up to a number, or as near to it as they can."""

from collections import Counter
from collections.abc import Sequence


def nearest_subset(sizes: Sequence[int], goal: int) -> set[int]:
    """Give places whose sizes sum as nearly to `goal` as any proper subset's do; earlier places are preferred.

    At least one place is left out. Of two sums equally near, the smaller is taken. Sizes are positive.
    """
    chosen = _first_that_fit(sizes, goal)
    short = goal - sum(sizes[place] for place in chosen)
    if not short:
        return chosen
    steps, reached = _reachable(sizes, min(goal + short, sum(sizes)))
    near = (total for off in range(short) for total in (goal - off, goal + off) if reached >> total & 1)
    total = next(near, None)
    return chosen if total is None else _rebuild(sizes, steps, total)


def _first_that_fit(sizes: Sequence[int], goal: int) -> set[int]:
    """Take in turn whatever still fits: a fair draw of large and small groups, and mostly an exact one."""
    chosen: set[int] = set()
    for place, size in enumerate(sizes):
        if size <= goal and len(chosen) + 1 < len(sizes):
            chosen.add(place)
            goal -= size
    return chosen


def _reachable(sizes: Sequence[int], limit: int) -> tuple[list[tuple[int, int]], int]:
    """Find all sums below `limit`, as bits of an integer; also each size with the sums reached before it was used."""
    mask = (1 << limit) - 1
    reached, steps = 1, []
    for size, count in sorted(Counter(sizes).items()):
        steps.append((size, reached))
        for _ in range(count):
            more = reached | (reached << size & mask)
            if more == reached:
                break
            reached = more
    return steps, reached


def _rebuild(sizes: Sequence[int], steps: Sequence[tuple[int, int]], total: int) -> set[int]:
    """Walk back from a reachable sum to places that make it."""
    chosen: set[int] = set()
    for size, before in reversed(steps):
        places = iter(place for place, other in enumerate(sizes) if other == size)
        while not before >> total & 1:
            chosen.add(next(places))
            total -= size
    return chosen
