"""Keep a person's verdicts in the run folder, and read the rows as the verdicts leave them."""

from collections.abc import Iterator, Mapping

from flows.domain.records import Row
from flows.domain.reviews import REVIEWED, Review, reviewed
from flows.domain.units import Dropped
from flows.errors import StoreError
from flows.store.journal import Journal
from flows.store.jsonio import read_lines
from flows.store.layout import Layout

STAGE = "curate"
"""Stage whose rows are reviewed, those that it dropped as well."""


def read_reviews(layout: Layout) -> dict[str, Review]:
    """Give the last review of every row that has one, by the row's id; raises StoreError when the file is damaged."""
    if not layout.verdicts.exists():
        return {}
    with Journal(layout.verdicts) as journal:
        return reviews_of(layout, journal)


def reviews_of(layout: Layout, journal: Journal) -> dict[str, Review]:
    """Give the reviews in an open journal; what was withdrawn is there as null."""
    try:
        return {id_: Review.from_json(value) for id_, value in journal.items() if value is not None}
    except TypeError:
        raise StoreError(f"{layout.verdicts}: holds a verdict that this version does not know") from None


def kept_rows(layout: Layout, reviews: Mapping[str, Review]) -> Iterator[Row]:
    """Yield curated rows that no review rejects, edited where one says so, and then those that one takes back."""
    for path in sorted(layout.stage(STAGE).glob("shard-*.jsonl")):
        for data in read_lines(path):
            row = Row.from_json(data)
            review = reviews.get(row.id)
            if review is None:
                yield row
            elif review.accept:
                yield reviewed(row, review)
    for dropped in rescued_rows(layout, reviews):
        yield reviewed(Row.from_json(dropped.content), reviews[dropped.id], dropped.reason)


def rejected_rows(layout: Layout, reviews: Mapping[str, Review]) -> Iterator[Dropped]:
    """Yield the curated rows that a review rejects."""
    if all(review.accept for review in reviews.values()):
        return
    for path in sorted(layout.stage(STAGE).glob("shard-*.jsonl")):
        for data in read_lines(path):
            review = reviews.get(data["id"])
            if review and not review.accept:
                yield Dropped(data["id"], REVIEWED, "rejected in review", data)


def rescued_rows(layout: Layout, reviews: Mapping[str, Review]) -> Iterator[Dropped]:
    """Yield the rows that curation dropped and a review accepts."""
    if any(review.accept for review in reviews.values()):
        yield from (d for d in dropped_rows(layout, STAGE) if d.id in reviews and reviews[d.id].accept)


def dropped_rows(layout: Layout, stage: str) -> Iterator[Dropped]:
    """Yield whatever a stage dropped."""
    for path in sorted(layout.stage(stage).glob("dropped-*.jsonl")):
        for data in read_lines(path):
            yield Dropped(**data)
