"""What each character is to `tokens`, as tables by code point: for texts that are cut many at a time."""

import re
from dataclasses import dataclass
from functools import cache
from unicodedata import combining, decomposition, normalize

import numpy as np
from numpy.typing import NDArray

from flows.curation.tokens import UNSPACED, marks_and_symbols

OTHER, LETTER, MARK, ALONE, SYMBOL = range(5)
"""What is in no token; goes on a token of letters; goes on the token of a letter; is a letter with a token of its own;
is a token."""
_POINTS = 0x110000
_TABLED = 0x20000
"""Characters beyond it, rare ones, count as odd."""


@dataclass(frozen=True, slots=True, eq=False)
class Characters:
    """Tables by code point."""

    kind: NDArray[np.uint8]
    folded: NDArray[np.uint32]
    """What `fold` makes of the character, whatever stands beside it; the character itself where it is odd."""
    odd: NDArray[np.bool_]
    """Whether what `fold` makes of it takes more than a look at this table: it may be several, or become one with a
    neighbour."""


@cache
def characters() -> Characters:
    """Build the tables, in some tenths of a second."""
    points = np.arange(_POINTS, dtype=np.uint32)
    every = points.tobytes().decode("utf-32-le", "surrogatepass")
    marks, symbols = marks_and_symbols()
    kind = np.full(_POINTS, OTHER, np.uint8)
    for pattern, name in (
        (rf"[{symbols}]+", SYMBOL),
        (rf"[{marks}]+", MARK),
        (r"[^\W_]+", LETTER),
        (rf"(?:(?=[^\W_])[{UNSPACED}])+", ALONE),
    ):
        for found in re.finditer(pattern, every):
            kind[slice(*found.span())] = name
    folded, odd = points.copy(), np.ones(_POINTS, bool)
    joining = _joining(every[:_TABLED])
    for point, char in enumerate(every[:_TABLED]):
        lower = normalize("NFKC", char).casefold()
        one = normalize("NFKC", lower)
        if len(one) == len(lower) == 1:
            folded[point] = ord(one)
            odd[point] = normalize("NFKD", char)[0] in joining or normalize("NFKD", lower)[0] in joining
    return Characters(kind, folded, odd)


def _joining(chars: str) -> frozenset[str]:
    """Characters that normal forms move past others, or join to one before them."""
    moved = {char for char in chars if combining(char)}
    pairs = (form.split() for char in chars if (form := decomposition(char)) and form[0] != "<")
    joined = {chr(int(pair[1], 16)) for pair in pairs if len(pair) == 2}
    return frozenset(moved | joined | set(map(chr, range(0x1160, 0x1200))))  # the last are parts of Hangul syllables
