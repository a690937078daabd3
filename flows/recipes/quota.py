"""Draw values so that every prefix of the sequence keeps their shares to within one.

A plain random draw leaves small runs lopsided; rounding counts for a run's size makes every draw depend on that size.
Here the sequence is endless: the first 100 draws are the same whether a run has 100 rows or 100,000, and after n draws
a value of share w has been drawn more than n*w - 1 and fewer than n*w + 1 times.
"""

import math
import random
from collections import deque
from collections.abc import Collection, Iterator, Sequence

import numpy as np

EPSILON = 1e-9
"""Shares are floats: a deadline may not slip by one because 3 * (1 / 3) is not quite 1."""

LOOKAHEAD = 24
"""Pairs kept back, so that a dead end can be undone."""


class Quota:
    """The sequence's state: what may be drawn next without breaking a share later.

    The j-th draw of a value must fall in the window (ceil((j - 1) / w), ceil(j / w)] of draws. Any choice is safe as
    long as, for every later point d, the draws whose window ends by d still fit before d (Hall's condition); among
    the safe ones the choice is random, so that several axes drawn beside each other stay independent.
    """

    def __init__(self, weights: Sequence[float], rng: random.Random) -> None:
        self._shares = np.asarray(weights, dtype=float) / math.fsum(weights)
        self._rng = rng
        self._counts = np.zeros(len(weights), dtype=np.int64)
        self._drawn = 0
        with np.errstate(divide="ignore"):
            self._deadlines = np.ceil(1 / self._shares - EPSILON)
        self._room = np.empty(0, dtype=np.int64)

    def safe(self) -> list[int]:
        """Indices that may be drawn next, at least one."""
        due = self._drawn + 1
        released = self._counts < due * self._shares - EPSILON
        latest = float(np.max(self._deadlines[released]))
        self._reach(int(latest))
        full = np.flatnonzero(self._room[due : int(latest)] <= 0)
        horizon = due + int(full[0]) if len(full) else latest
        return [int(i) for i in np.flatnonzero(released & (self._deadlines <= horizon))]

    def draw(self, among: Collection[int], leaning: Sequence[float] | None = None) -> int:
        """Draw one of `among`, in proportion to `leaning` (of all indices) or else to the shares."""
        odds: Sequence[float] = self._shares.tolist() if leaning is None else leaning
        choices = sorted(among)
        chosen = self._rng.choices(choices, [odds[i] for i in choices])[0]
        deadline = int(self._deadlines[chosen])
        self._reach(deadline)
        self._drawn += 1
        self._room[self._drawn : deadline] -= 1
        self._counts[chosen] += 1
        self._deadlines[chosen] = self._deadline(chosen, self._counts[chosen] + 1)
        return chosen

    def undo(self, drawn: int) -> None:
        """Take back the last draw, which was `drawn`; the generator of chance goes on."""
        self._room[self._drawn : int(self._deadline(drawn, self._counts[drawn]))] += 1
        self._drawn -= 1
        self._counts[drawn] -= 1
        self._deadlines[drawn] = self._deadline(drawn, self._counts[drawn] + 1)

    def _deadline(self, index: int, count: int) -> int:
        """The draw by which `index` must have been drawn `count` times."""
        return math.ceil(float(count / self._shares[index]) - EPSILON)

    def _reach(self, point: int) -> None:
        """Extend the room (draws left over before each point) to `point`."""
        start = len(self._room)
        if point <= start:
            return
        points = np.arange(start, max(point, 2 * start, 256), dtype=float)
        # a value without a share is never due
        due = np.floor(np.outer(points, self._shares) + EPSILON).sum(axis=1).astype(np.int64)
        self._room = np.concatenate([self._room, points.astype(np.int64) - due])


def sequence(weights: Sequence[float], rng: random.Random) -> Iterator[int]:
    """Yield indices of `weights` without end."""
    quota = Quota(weights, rng)
    while True:
        yield quota.draw(quota.safe())


def unlike_pairs(
    weights: Sequence[float], first_rng: random.Random, second_rng: random.Random
) -> Iterator[tuple[int, int]]:
    """Yield pairs of two different indices, each side a quota sequence of its own.

    Raises ValueError when a value's share is above one half, or fewer than two values have one: then no pairing
    of different values keeps the shares.
    """
    if sum(weight > 0 for weight in weights) < 2 or max(weights) > sum(weights) / 2 + EPSILON:
        raise ValueError("pairs of different values need two values with a share, none of them above one half")
    leaning = _unlike_leaning(weights)
    first, second = Quota(weights, first_rng), Quota(weights, second_rng)
    ahead: deque[tuple[int, int]] = deque()
    while True:
        left, right = first.safe(), second.safe()
        if left == right and len(left) == 1:
            # both sides are bound to the same value, which no pair can pay: go back and draw otherwise
            while ahead:
                i, j = ahead.pop()
                first.undo(i)
                second.undo(j)
            continue
        i = first.draw(left if len(right) > 1 else set(left) - set(right))
        ahead.append((i, second.draw(set(right) - {i}, leaning)))
        if len(ahead) > LOOKAHEAD:
            yield ahead.popleft()


def _unlike_leaning(weights: Sequence[float], rounds: int = 100) -> list[float]:
    """Find a with a[i] * (sum(a) - a[i]) = weights[i]: pairs i != j drawn by a[i] * a[j] keep both shares.

    Drawing the second side by the shares alone would leave a frequent value behind, since it may never meet itself.
    """
    shares = np.asarray(weights, dtype=float) / math.fsum(weights)
    leaning = np.sqrt(shares)
    for _ in range(rounds):
        # half steps: whole ones swing when one share is near one half
        leaning = (leaning + shares / np.maximum(leaning.sum() - leaning, EPSILON)) / 2
    return [float(a) for a in leaning]
