"""Draw values so that every prefix of the sequence keeps their shares to within one.

A plain random draw leaves small runs lopsided; rounding counts for a run's size makes every draw depend on that size.
Here the sequence is endless: the first 100 draws are the same whether a run has 100 rows or 100,000, and after n draws
a value of share w has been drawn more than n*w - 1 and fewer than n*w + 1 times.
"""

import math
import random
from bisect import bisect, insort
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, islice
from typing import Any

import numpy as np

EPSILON = 1e-9
"""Shares are floats: a deadline may not slip by one because 3 * (1 / 3) is not quite 1."""

NEVER = 1 << 62

LOOKAHEAD = 24
"""Pairs kept back, so that a dead end can be undone."""
STRETCHES = 32, 512
"""Draws that the room grows by: at least and, as it has grown, at most beyond what is needed."""
MOST_RETRIES = 32
"""Ways out of one dead end that are tried."""
EARLY_FROM = 64
"""Draws of a frequent value before its pairs are kept apart: a short run's recorded replies know the pairs without."""


class Quota:
    """The sequence's state: what may be drawn next without breaking a share later.

    The j-th draw of a value must fall in the window (ceil((j - 1) / w), ceil(j / w)] of draws. Any choice is safe as
    long as, for every later point d, the draws whose window ends by d still fit before d (Hall's condition); among
    the safe ones the choice is random, so that several axes drawn beside each other stay independent.

    A run draws ten times a row: the state is kept in plain lists, and numpy has only the stretches of the room.
    """

    def __init__(self, weights: Sequence[float], rng: random.Random, *, early: tuple[int, int] | None = None) -> None:
        """Start; of `early`, an index of a share below one half and 0 or 1, even or odd draws are due one sooner.

        That much room there always is: before the end of a window the draws left over are a whole number above 0.
        """
        total = math.fsum(weights)
        self._shares = [weight / total for weight in weights]
        self._random = rng.random
        self._early, self._odd = early or (-1, 0)
        self._counts = [0] * len(weights)
        self._drawn = 0
        self._deadlines = [self._deadline(index, 1) for index in range(len(weights))]
        self._released: list[int] = []
        """What may be drawn next as far as its own share goes, in order."""
        self._waiting: dict[int, list[int]] = {}
        """Draw -> what may be drawn from then on."""
        self._sort()
        self._room = np.empty(0, dtype=np.int32)
        self._first = 0
        """The point that the room begins with."""

    def safe(self) -> list[int]:
        """Indices that may be drawn next, at least one."""
        due = self._drawn + 1
        deadlines = self._deadlines
        latest = max([deadlines[index] for index in self._released])
        if latest > due:
            self._reach(latest)
            ahead = self._room[due - self._first : latest - self._first]
            tightest = int(ahead.argmin())
            if ahead[tightest] > 0:
                return self._released[:]
            latest = due + tightest
        return [index for index in self._released if deadlines[index] <= latest]

    def draw(self, among: Sequence[int], leaning: Sequence[float] | None = None) -> int:
        """Draw one of `among`, which is in order, in proportion to `leaning` (of all indices) or else to the shares."""
        odds = self._shares if leaning is None else leaning
        ends = list(accumulate([odds[index] for index in among]))
        # as random.choices does it, without what that does for many draws at once
        chosen = among[bisect(ends, self._random() * ends[-1], 0, len(ends) - 1)]
        self.take(chosen)
        return chosen

    def take(self, chosen: int) -> None:
        """Count `chosen` as drawn."""
        deadline = self._deadlines[chosen]
        self._reach(deadline)
        self._drawn += 1
        if deadline > self._drawn:
            self._room[self._drawn - self._first : deadline - self._first] -= 1
        self._counts[chosen] += 1
        self._deadlines[chosen] = self._deadline(chosen, self._counts[chosen] + 1)
        if chosen not in self._released:
            return self._sort()  # drawn before its time, where nothing else was left
        self._released.remove(chosen)
        release = max(self._release(chosen, self._counts[chosen]), self._drawn + 1)
        self._waiting.setdefault(release, []).append(chosen)
        for index in self._waiting.pop(self._drawn + 1, ()):
            insort(self._released, index)

    def soonest_but(self, unwanted: int) -> int:
        """Give the index other than `unwanted` that has to be drawn next."""
        others = [index for index, share in enumerate(self._shares) if share and index != unwanted]
        return min([i for i in self._released if i != unwanted] or others, key=self._deadlines.__getitem__)

    def undo(self, drawn: int) -> None:
        """Take back the last draw, which was `drawn`; the generator of chance goes on."""
        deadline = self._deadline(drawn, self._counts[drawn])
        self._room[self._drawn - self._first : deadline - self._first] += 1
        self._drawn -= 1
        self._counts[drawn] -= 1
        self._deadlines[drawn] = deadline
        self._sort()

    def _sort(self) -> None:
        due = self._drawn + 1
        self._released, self._waiting = [], {}
        for index, count in enumerate(self._counts):
            release = self._release(index, count)
            if release <= due:
                self._released.append(index)
            else:
                self._waiting.setdefault(release, []).append(index)

    def _release(self, index: int, count: int) -> int:
        """The first draw at which `index`, drawn `count` times, may be drawn again: its share exceeds its count."""
        share = self._shares[index]
        if not share:
            return NEVER
        draw = int((count + EPSILON) / share)
        while not count < draw * share - EPSILON:
            draw += 1
        return draw

    def _deadline(self, index: int, count: int) -> int:
        """The draw by which `index` must have been drawn `count` times."""
        share = self._shares[index]
        if not share:
            return NEVER
        return math.ceil(count / share - EPSILON) - (index == self._early and self._sooner(count))

    def _sooner(self, count: Any) -> Any:
        """Whether the draws of `early` with these numbers are due one sooner."""
        return (count % 2 == self._odd) & (count >= EARLY_FROM)

    def _reach(self, point: int) -> None:
        """Extend the room (draws left over before each point) to `point`; of what is drawn only the last stays."""
        start = self._first + len(self._room)
        if point <= start:
            return
        stretch = min(max(len(self._room), STRETCHES[0]), STRETCHES[1])
        points = np.arange(start, max(point, start + stretch), dtype=float)
        # a value without a share is never due
        due = np.floor(np.outer(points, self._shares) + EPSILON).sum(axis=1).astype(np.int32)
        if self._early >= 0:
            now, next_ = (np.floor((points + more) * self._shares[self._early] + EPSILON) for more in (0, 1))
            due += (next_ > now) & self._sooner(next_)
        past = max(0, self._drawn - 2 * LOOKAHEAD - self._first)
        self._room = np.concatenate([self._room[past:], points.astype(np.int32) - due])
        self._first += past


def sequence(weights: Sequence[float], rng: random.Random) -> Iterator[int]:
    """Yield indices of `weights` without end."""
    if len(weights) <= MOST_VALUES and (period := _period(weights, LONGEST_PERIOD)):
        yield from _round_and_round(weights, rng, period)
    quota = Quota(weights, rng)
    while True:
        yield quota.draw(quota.safe())


def counts(weights: Sequence[float], rng: random.Random, draws: int) -> list[int]:
    """Count how often each index comes in the first `draws` of `sequence`.

    Whole periods, for which the shares alone say it, are passed over: a draw takes one number of `rng`.
    """
    total = math.fsum(weights)
    period = _period(weights, LONGEST_COUNTED) or draws + 1
    whole, rest = divmod(draws, period)
    found = [whole * round(period * weight / total) for weight in weights]
    if rest:
        for _ in range(whole * period):
            rng.random()
    for index in islice(sequence(weights, rng), rest):
        found[index] += 1
    return found


LONGEST_PERIOD, LONGEST_COUNTED = 32, 1_000_000
MOST_VALUES = 8
"""What may be drawn next in one period is remembered where that is a few hundred states at most."""


@dataclass(slots=True)
class _State:
    """A moment of a period."""

    drawn: tuple[int, ...]
    """What was drawn before, since the period began."""
    safe: list[int]
    ends: list[float]
    """Running sums of their shares."""
    after: "list[_State | None]"
    """The state that each of them leads to, once it was drawn."""


def _period(weights: Sequence[float], longest: int) -> int | None:
    """Give the draws after which every share comes out even: then the sequence's state is as at first."""
    total = math.fsum(weights)
    period = math.lcm(*(Fraction(weight / total).limit_denominator(longest).denominator for weight in weights))
    if period > longest:
        return None
    even = all(abs(each - round(each)) < EPSILON for each in (period * weight / total for weight in weights))
    return period if even else None


def _round_and_round(weights: Sequence[float], rng: random.Random, period: int) -> Iterator[int]:
    """Yield what Quota would draw; what is safe is looked up, at a tenth of the time, not found anew each period."""
    total = math.fsum(weights)
    states: dict[tuple[int, ...], _State] = {}

    def state(drawn: tuple[int, ...]) -> _State:
        drawn = drawn if len(drawn) < period else ()
        same = tuple(sorted(drawn))
        if same not in states:
            quota = Quota(weights, rng)
            for index in drawn:
                quota.take(index)
            safe = quota.safe()
            ends = list(accumulate([weights[index] / total for index in safe]))
            states[same] = _State(drawn, safe, ends, [None] * len(safe))
        return states[same]

    here = state(())
    while True:
        place = bisect(here.ends, rng.random() * here.ends[-1], 0, len(here.ends) - 1)
        yield here.safe[place]
        following = here.after[place]
        if following is None:
            following = here.after[place] = state((*here.drawn, here.safe[place]))
        here = following


def unlike_pairs(
    weights: Sequence[float], first_rng: random.Random, second_rng: random.Random
) -> Iterator[tuple[int, int]]:
    """Yield pairs of two different indices, each side a quota sequence of its own.

    Seldom, what both sides drew long ago binds them to the same value; then the second side draws it a little late.
    Raises ValueError when a value's share is above one half, or fewer than two values have one: then no pairing of
    different values keeps the shares.
    """
    if sum(weight > 0 for weight in weights) < 2 or max(weights) > sum(weights) / 2 + EPSILON:
        raise ValueError("pairs of different values need two values with a share, none of them above one half")
    leaning = _unlike_leaning(weights)
    # a value that takes nearly every second draw comes first on one side, then on the other, or both end up bound to it
    often = max(range(len(weights)), key=weights.__getitem__)
    early = weights[often] < sum(weights) / 2 - EPSILON
    first, second = (
        Quota(weights, rng, early=(often, odd) if early else None) for odd, rng in enumerate((first_rng, second_rng))
    )
    ahead: deque[tuple[int, int]] = deque()
    retries = 0
    while True:
        left, right = first.safe(), second.safe()
        if left == right and len(left) == 1:
            # both sides are bound to the same value, which no pair can pay: go back and draw otherwise
            retries += 1
            if retries <= MOST_RETRIES:
                while ahead:
                    i, j = ahead.pop()
                    first.undo(i)
                    second.undo(j)
                continue
            right = [second.soonest_but(left[0])]
        i = first.draw(left if len(right) > 1 else [index for index in left if index != right[0]])
        ahead.append((i, second.draw([index for index in right if index != i], leaning)))
        if len(ahead) > LOOKAHEAD:
            retries = 0
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
