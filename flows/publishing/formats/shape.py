"""What a format is: columns, and how a row is laid out in them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson

from flows.domain.records import Row
from flows.publishing.features import Features

Record: TypeAlias = tuple[Any, ...]
"""Values of one line, in the order of the columns."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """A row that a format cannot hold; it is counted, never bent."""

    reason: str


@dataclass(frozen=True, slots=True)
class Shape:
    """Columns in the order that trainers read them."""

    name: str
    columns: Features
    lay_out: Callable[[Row], Sequence[Record] | Unfit]
    """Row -> its lines."""
    about: str
    """What it is for, in one line."""
    meant: Callable[[Row], bool] = lambda row: True
    """Which rows it is about; it neither holds nor leaves out the others."""


def encodable(row: Row) -> bool:
    """Tell whether all texts have a UTF-8 form; a lone surrogate has none, and no file could hold it."""
    try:
        orjson.dumps(row)
    except TypeError:
        return False
    return True


NOT_UTF8 = Unfit("not_utf8")
