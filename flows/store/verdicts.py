"""Keep a person's verdicts in the run folder, and read the rows as the verdicts leave them."""

from collections.abc import Iterator, Mapping

from flows.domain.records import Row
from flows.domain.units import Dropped
from flows.domain.verdicts import REVIEWED, Verdict, reviewed
from flows.store.journal import Journal
from flows.store.jsonio import read_lines
from flows.store.layout import Layout

STAGE = "curate"
"""Stage whose rows are reviewed, those that it dropped as well."""


def read_verdicts(layout: Layout) -> dict[str, Verdict]:
    """Give the last verdict on every row that has one, by the row's id; raises StoreError when the file is damaged."""
    if not layout.verdicts.exists():
        return {}
    with Journal(layout.verdicts) as journal:
        return {id_: Verdict.from_json(value) for id_, value in journal.items() if value is not None}


def kept_rows(layout: Layout, verdicts: Mapping[str, Verdict]) -> Iterator[Row]:
    """Yield curated rows that no verdict rejects, edited where a verdict says so, and those that one rescues."""
    for path in sorted(layout.stage(STAGE).glob("shard-*.jsonl")):
        for data in read_lines(path):
            row = Row.from_json(data)
            verdict = verdicts.get(row.id)
            if verdict is None:
                yield row
            elif verdict.accept:
                yield reviewed(row, verdict)
    for dropped in rescued_rows(layout, verdicts):
        yield reviewed(Row.from_json(dropped.content), verdicts[dropped.id], dropped.reason)


def rejected_rows(layout: Layout, verdicts: Mapping[str, Verdict]) -> Iterator[Dropped]:
    """Yield the curated rows that a verdict rejects."""
    if all(verdict.accept for verdict in verdicts.values()):
        return
    for path in sorted(layout.stage(STAGE).glob("shard-*.jsonl")):
        for data in read_lines(path):
            verdict = verdicts.get(data["id"])
            if verdict and not verdict.accept:
                yield Dropped(data["id"], REVIEWED, "a person rejected it", data)


def rescued_rows(layout: Layout, verdicts: Mapping[str, Verdict]) -> Iterator[Dropped]:
    """Yield the rows that curation dropped and a verdict accepts."""
    if any(verdict.accept for verdict in verdicts.values()):
        yield from (d for d in dropped_rows(layout, STAGE) if d.id in verdicts and verdicts[d.id].accept)


def dropped_rows(layout: Layout, stage: str) -> Iterator[Dropped]:
    """Yield whatever a stage dropped."""
    for path in sorted(layout.stage(stage).glob("dropped-*.jsonl")):
        for data in read_lines(path):
            yield Dropped(**data)
