"""What of a row is compared, and under which name."""

from collections.abc import Iterable, Iterator, Sequence

from flows.curation.near.policy import Compare
from flows.curation.tokens import tokens
from flows.domain.records import Row
from flows.index.index import Entry


def compared(row: Row, compare: Compare) -> str:
    """Give the text by which a row is compared."""
    return compared_text(compare, row.task, row.query, [text.text for text in row.positives])


def compared_text(compare: Compare, task: str, query: str, positives: Sequence[str]) -> str:
    """Choose among a row's texts; of several positives the first stands for all."""
    positive = positives[0] if positives else ""
    return {"task": task, "query": query, "positive": positive, "query_positive": f"{query}\n{positive}"}[compare]


def row_entries(rows: Iterable[Row], compare: Compare) -> Iterator[Entry]:
    """Yield what an index holds of rows, under their ids; only rows of a family are compared."""
    return ((row.id, row.family, tokens(compared(row, compare))) for row in rows)
