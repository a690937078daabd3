"""Gather the negatives of rows that follow one another."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from flows.domain.records import Row, Text
from flows.domain.units import Dropped


def gather_negatives(made: Iterable[Row | Dropped]) -> Iterator[Row | Dropped]:
    """Make one row of those that follow one another with the same query and positives and further negatives.

    Many sets have a line for each negative; as rows of their own all but the first would go as duplicates.
    """
    last: Row | None = None
    for row in made:
        if isinstance(row, Dropped):
            yield row
            continue
        further = _further_negatives(last, row) if last else ()
        if last and further:
            last = replace(last, negatives=(*last.negatives, *further))
            yield Dropped(row.id, "merged", f"its negatives are with {last.id}", row.to_json())
            continue
        if last:
            yield last
        last = row
    if last:
        yield last


def _further_negatives(earlier: Row, row: Row) -> tuple[Text, ...]:
    """Give the negatives that a row adds to one with the same query and positives; none where those differ."""
    if row.symmetric or replace(row, id="", slot=0, negatives=(), requested={}) != replace(
        earlier, id="", slot=0, negatives=(), requested={}
    ):
        return ()
    known = {text.text for text in earlier.negatives}
    return tuple(text for text in row.negatives if text.text not in known)
