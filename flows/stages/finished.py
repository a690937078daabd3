"""The finished rows of a run, each in its split, as publishing and exporting give them out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from flows.curation.near import NearPolicy, near_pairs
from flows.domain.records import Row
from flows.domain.reviews import Review
from flows.errors import StoreError, UsageError
from flows.publishing.splits import Tie, assign_splits, bridging, fold, straddling, ties_of, united, with_splits
from flows.publishing.ties import Known
from flows.recipes.model import Publish, Recipe
from flows.stages import job
from flows.store.layout import Layout
from flows.store.ledger import read_ledger
from flows.store.reviews import kept_rows, read_reviews


@dataclass(frozen=True, slots=True)
class Finished:
    """The rows, read from the run folder each time they are asked for."""

    layout: Layout
    reviews: Mapping[str, Review]
    splits: Mapping[str, str]
    """Folded task -> split."""
    known: Known | None = None
    """What the data set that is to grow has already."""
    bridges: frozenset[str] = frozenset()
    """Ids of rows that would tie what it has in two splits."""

    def __call__(self) -> Iterator[Row]:
        """Yield all rows in order."""
        return with_splits(self.fresh(), self.splits)

    def fresh(self) -> Iterator[Row]:
        """Yield the rows that the data set lacks and can take, without their split."""
        for row in kept_rows(self.layout, self.reviews):
            if row.id not in self.bridges and not (self.known and self.known.has(row)):
                yield row


def finished_rows(layout: Layout, recipe: Recipe, known: Known | None = None) -> Finished:
    """Choose the split of every row that curation accepted, as a person's review leaves them.

    Of a data set that grows, what it has already (`known`) is left out and keeps its split, and so does what is tied
    to it.

    Raises UsageError when nothing is curated yet or every row is rejected, StoreError when a task, text or near-copy
    were on both sides.
    """
    if not any(tally.name == job.STAGE and tally.out for tally in read_ledger(layout)):
        raise UsageError(f"{layout.root}: no row is curated yet; finish it with `triplesmith run`")
    reviews = read_reviews(layout)
    if next(kept_rows(layout, reviews), None) is None:
        raise UsageError(f"{layout.root}: every row is rejected in review; take one back with `triplesmith review`")
    clusters = _near_copies(kept_rows(layout, reviews), recipe.publish)
    finished = Finished(layout, reviews, {}, known)

    def ties(row: Row) -> Iterator[Tie]:
        yield from ties_of(row)
        if cluster := clusters.get(fold(row.query)):
            yield "near-copied query", cluster

    if known:
        finished = replace(finished, bridges=frozenset(bridging(finished.fresh(), known, ties)))
    splits = assign_splits(finished.fresh(), recipe.publish.held_out, recipe.seed, ties, known)
    finished = replace(finished, splits=splits)
    if leaks := straddling(finished(), ties):
        raise StoreError(
            f"{layout.root}: {len(leaks)} texts or tasks are on both sides of a split ({leaks[0]}); report it"
        )
    return finished


def _near_copies(rows: Iterator[Row], publish: Publish) -> dict[str, str]:
    """Give every folded query that is nearly another's a query that stands for its cluster.

    Empty when nothing is held out, since then nothing can leak.
    """
    if not publish.held_out:
        return {}
    queries = list(dict.fromkeys(fold(row.query) for row in rows))
    found = near_pairs(queries, NearPolicy(threshold=publish.near))
    one, other = found.one.tolist(), found.other.tolist()
    root = united(len(queries), zip(one, other, strict=True))
    return {queries[place]: queries[root[place]] for place in (*one, *other)}
