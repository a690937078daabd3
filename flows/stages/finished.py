"""The finished rows of a run, each in its split, as publishing and exporting give them out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from flows.curation.near import NearPolicy, near_pairs
from flows.domain.records import Row
from flows.domain.reviews import Review
from flows.errors import StoreError, UsageError
from flows.publishing.splits import Tie, assign_splits, fold, straddling, ties_of, united, with_splits
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

    def __call__(self) -> Iterator[Row]:
        """Yield all rows in order."""
        return with_splits(kept_rows(self.layout, self.reviews), self.splits)


def finished_rows(layout: Layout, recipe: Recipe) -> Finished:
    """Choose the split of every row that curation accepted, as a person's review leaves them.

    Raises UsageError when nothing is curated yet or every row is rejected, StoreError when a task, text or near-copy
    were on both sides.
    """
    if not any(tally.name == job.STAGE and tally.out for tally in read_ledger(layout)):
        raise UsageError(f"{layout.root}: no row is curated yet; finish it with `triplesmith run`")
    reviews = read_reviews(layout)
    if next(kept_rows(layout, reviews), None) is None:
        raise UsageError(f"{layout.root}: every row is rejected in review; take one back with `triplesmith review`")
    clusters = _near_copies(kept_rows(layout, reviews), recipe.publish)

    def ties(row: Row) -> Iterator[Tie]:
        yield from ties_of(row)
        if cluster := clusters.get(fold(row.query)):
            yield "near-copied query", cluster

    splits = assign_splits(kept_rows(layout, reviews), recipe.publish.held_out, recipe.seed, ties)
    finished = Finished(layout, reviews, splits)
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
