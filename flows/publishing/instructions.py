"""Write instructions into the texts, for trainers that take none as an argument."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from flows.domain.records import Row, Text

INSTRUCT = "Instruct: {}\nQuery: "
QUERY = "query: "
PASSAGE = "passage: "


def _instruct(row: Row) -> Row:
    """`Instruct: … Query: …` before the query (E5-mistral, arXiv 2401.00368); of symmetric rows before every text."""
    return _written(row, INSTRUCT.format(row.instruction), "")


def _prefix(row: Row) -> Row:
    """`query: ` and `passage: ` (E5, arXiv 2212.03533); symmetric rows have queries only."""
    return _written(row, QUERY, PASSAGE)


STYLES: Mapping[str, Callable[[Row], Row]] = {"bare": lambda row: row, "instruct": _instruct, "prefix": _prefix}
"""Name -> how it writes a row."""


def with_instructions(rows: Iterable[Row], style: str) -> Iterator[Row]:
    """Yield the rows with instructions written into their texts, in one of STYLES."""
    return map(STYLES[style], rows)


def _written(row: Row, query: str, document: str) -> Row:
    before = query if row.symmetric else document
    return replace(
        row,
        query=query + row.query,
        positives=tuple(_after(before, text) for text in row.positives),
        negatives=tuple(_after(before, text) for text in row.negatives),
    )


def _after(before: str, text: Text) -> Text:
    return replace(text, text=before + text.text)
