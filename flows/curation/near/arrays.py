"""Small array steps that the search is made of."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

T = TypeVar("T", bound=np.generic)

_PLACES = 1 << 16
"""Places in one array: few enough for it to stay in the processor's cache."""

_COUNTED = 1 << 20
"""Numbers counted at a time."""


def mix(values: NDArray[np.integer]) -> NDArray[np.uint64]:
    """Scramble integers to 64 bits, one to one (the finaliser of splitmix64)."""
    out = values.astype(np.uint64)
    out ^= out >> np.uint64(30)
    out *= np.uint64(0xBF58476D1CE4E5B9)
    out ^= out >> np.uint64(27)
    out *= np.uint64(0x94D049BB133111EB)
    out ^= out >> np.uint64(31)
    return out


def flat_ranges(start: NDArray[np.integer], length: NDArray[np.integer]) -> NDArray[np.int64]:
    """Concatenate the ranges that begin at `start` and hold `length` numbers each."""
    ends = np.cumsum(length, dtype=np.int64)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(start - (ends - length), length) + np.arange(total)


def take_ranges(values: NDArray[T], start: NDArray[np.integer], length: NDArray[np.integer]) -> NDArray[T]:
    """Concatenate the values in the ranges that begin at `start` and hold `length` each."""
    ends = starts(length)
    out = np.empty(int(ends[-1]), values.dtype)
    for some in blocks(length, _PLACES):
        out[ends[some.start] : ends[some.stop]] = values.take(flat_ranges(start[some], length[some]))
    return out


def blocks(weight: NDArray[np.integer], limit: int) -> Iterator[slice]:
    """Cut consecutive items into slices of at most `limit` total weight, or of one heavier item."""
    ends = np.cumsum(weight, dtype=np.int64)
    at = 0
    while at < len(ends):
        spent = int(ends[at - 1]) if at else 0
        stop = max(int(np.searchsorted(ends, spent + limit, "right")), at + 1)
        yield slice(at, stop)
        at = stop


def count(values: NDArray[np.integer], top: int) -> NDArray[np.int64]:
    """How often each number below `top` occurs."""
    out = np.zeros(top, np.int64)
    for at in range(0, len(values), _COUNTED):  # bincount makes wider numbers of all it is given
        out += np.bincount(values[at : at + _COUNTED], minlength=top)
    return out


def distinct(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sort in place and leave each value once."""
    values.sort()
    fresh: NDArray[np.int64] = values[np.concatenate([np.ones(min(1, len(values)), bool), values[1:] != values[:-1]])]
    return fresh


def runs(numbers: NDArray[np.uint64], bits: int) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Sort numbers in place and give those that equal a neighbour but for their last `bits`, and where a run begins."""
    numbers.sort()
    shared = numbers >> np.uint64(bits)
    same = np.zeros(len(numbers) + 1, bool)
    same[1:-1] = shared[1:] == shared[:-1]
    several = same[1:] | same[:-1]
    return numbers.compress(several), ~same[:-1].compress(several)


def signatures(code: NDArray[np.integer], start: NDArray[np.int64], words: int) -> NDArray[np.uint64]:
    """Set one bit for each code of each set: `words` times 64 bits, words by sets."""
    held = np.diff(start)
    out = np.zeros((words, len(held)), np.uint64)
    for some in blocks(held, 1 << 18):
        filled = some.start + np.flatnonzero(held[some])
        if not len(filled):
            continue
        scrambled = mix(code[start[some.start] : start[some.stop]])
        bit = np.uint64(1) << (scrambled & np.uint64(63))
        word = (scrambled >> np.uint64(6)) % np.uint64(words)
        for number in range(words):
            own = bit if words == 1 else np.where(word == number, bit, 0)
            out[number, filled] = np.bitwise_or.reduceat(own, start[filled] - start[some.start])
    return out


def differences(words: Iterable[NDArray[np.uint64]]) -> NDArray[np.integer]:
    """Count the bits that are set in the words, one above the other."""
    first, *others = map(np.bitwise_count, words)
    return sum((each.astype(np.int16) for each in others), first) if others else first


def starts(length: ArrayLike) -> NDArray[np.int64]:
    """Where items of these lengths begin when they lie one after the other, and where the last one ends."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(length, dtype=np.int64)])
