"""Cut texts into tokens many at a time, as `tokens` cuts one: in a few steps over all their characters."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.curation.near.arrays import blocks, starts, take_ranges
from flows.curation.near.characters import ALONE, LETTER, MARK, OTHER, SYMBOL, characters
from flows.curation.tokens import fold

_CHARACTERS = 1 << 21
"""Characters cut at a time."""
_BLOCK = 1 << 17
"""Characters in one array: few enough for the steps to find it in the processor's cache."""
_ASCII = np.array(
    [SYMBOL if chr(code) in "$+<=>|~" else LETTER if chr(code).isalnum() else OTHER for code in range(128)], np.uint8
)
"""What ASCII characters are, for texts that have no others to do without the larger tables."""
_MARKED = np.array([OTHER, LETTER, OTHER, MARK, OTHER], np.uint8)
"""What a mark becomes after a character: a part of the word, of that letter alone, or of nothing."""


def cut(texts: Iterable[str]) -> Iterator[tuple[NDArray[np.int64], Any]]:
    """Yield, for some texts after the other, how many tokens each has, and all of them, an array of Arrow."""
    for some in _batches(texts, _CHARACTERS):
        yield _cut(some)


def _batches(texts: Iterable[str], limit: int) -> Iterator[list[str]]:
    """Gather texts of about so many characters."""
    some: list[str] = []
    length = 0
    source = iter(texts)
    while more := list(islice(source, 256)):
        some += more
        length += sum(map(len, more))
        if length > limit:
            yield some
            some, length = [], 0
    if some:
        yield some


def _cut(texts: list[str]) -> tuple[NDArray[np.int64], Any]:
    import pyarrow as pa

    size = np.zeros(len(texts), np.int64)
    order: list[NDArray[np.int64]] = []
    words: list[Any] = []
    for rows, codes, length in _blocks(texts):
        size[rows], found = _tokens(codes, length)
        order.append(rows)
        words.append(found)
    numbered = pa.concat_arrays(words).dictionary_encode()
    taken = np.concatenate(order)
    begin = np.empty(len(taken), np.int64)
    begin[taken] = starts(size[taken])[:-1]
    ids = take_ranges(numbered.indices.to_numpy(), begin, size)
    return size, pa.DictionaryArray.from_arrays(ids, numbered.dictionary)


def _blocks(texts: list[str]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.unsignedinteger], NDArray[np.int64]]]:
    """Yield, for some texts after the other, their places, their folded characters and how many each has.

    There is one more character before, between and after the texts, one that is in no token.
    """
    plain = np.fromiter(map(str.isascii, texts), bool, len(texts))
    for rows, some, length in _joined(np.flatnonzero(plain), texts):
        yield rows, np.frombuffer(some.lower().encode(), np.uint8), length
    strange = [np.zeros(0, np.int64)]
    for rows, some, length in _joined(np.flatnonzero(~plain), texts):
        codes = _points(some)
        odd = characters().odd.take(codes)
        if odd.any():
            stays = np.ones(len(rows), bool)
            stays[np.searchsorted(np.cumsum(length + 1), np.flatnonzero(odd))] = False
            strange.append(rows[~stays])
            codes = codes[np.concatenate([np.ones(1, bool), np.repeat(stays, length + 1)])]
            rows, length = rows[stays], length[stays]
        yield rows, characters().folded.take(codes), length
    rows = np.concatenate(strange)
    folded = [fold(texts[row]) for row in rows.tolist()]
    for places, some, length in _joined(np.arange(len(rows)), folded):
        yield rows[places], _points(some), length


def _joined(rows: NDArray[np.int64], texts: list[str]) -> Iterator[tuple[NDArray[np.int64], str, NDArray[np.int64]]]:
    """Yield some of the rows after the other, the texts in one piece and their lengths."""
    chosen = [texts[row] for row in rows.tolist()]
    length = np.fromiter(map(len, chosen), np.int64, len(chosen))
    for some in blocks(length + 1, _BLOCK):
        yield rows[some], "\n".join(["", *chosen[some], ""]), length[some]


def _points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def _tokens(codes: NDArray[np.unsignedinteger], length: NDArray[np.int64]) -> tuple[NDArray[np.int64], Any]:
    """Give the number of tokens of each text of a block, and all of them as strings of Arrow."""
    import pyarrow as pa

    kind = (_ASCII if codes.dtype == np.uint8 else characters().kind).take(codes)
    mark = np.flatnonzero(kind == MARK)
    if len(mark):
        head = np.diff(mark, prepend=-1) != 1
        before = kind[mark[head] - 1]
        kind[mark] = _MARKED[before[np.cumsum(head) - 1]]
    letter, inside = kind == LETTER, kind != OTHER
    begins = kind >= ALONE
    begins[1:] |= letter[1:] & ~letter[:-1]
    first = np.flatnonzero(begins)
    last = inside.copy()
    last[:-1] &= begins[1:] | ~inside[1:]
    edges = starts(np.flatnonzero(last) - first + 1)
    text = codes.compress(inside)
    if codes.dtype == np.uint8:
        data = text.tobytes()
    else:
        data = text.tobytes().decode("utf-32-le").encode()
        more = sum((text >= point).view(np.uint8) for point in (0x80, 0x800, 0x10000))  # bytes in UTF-8, beyond one
        edges += np.append(0, np.cumsum(more, dtype=np.int32))[edges]
    size = np.diff(np.searchsorted(first, starts(length + 1)))
    buffers = pa.py_buffer(edges.astype(np.int32)), pa.py_buffer(data)
    return size, pa.StringArray.from_buffers(len(first), *buffers)
