"""Choose the rows that a page holds, and pack them, streaming over the run folder."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from flows.domain.records import Row
from flows.domain.reviews import Review
from flows.domain.units import Dropped
from flows.reporting import shown
from flows.reporting.data import Held, Overlap, Twins
from flows.reporting.pack import Packer
from flows.reporting.sample import is_chosen, of_every_kind
from flows.reporting.statistics import Overlaps, Statistics
from flows.store.layout import Layout
from flows.store.reviews import dropped_rows, kept_rows, read_reviews, rejected_rows

MOST_ACCEPTED = 300_000_000
MOST_REJECTED = 75_000_000
"""Bytes in the run folder up to which a page holds all rows, at about a third of that in its own size; of more it
holds an even sample, and says how many of how many."""
MOST_TWINS = 48
"""Duplicates that are shown beside the row they repeat."""
STAGES = ("import", "brainstorm", "generate", "curate")
"""Stages that drop something, in their order."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What a pass over all rows of a run gave."""

    statistics: Statistics
    """Of the accepted rows."""
    overlaps: tuple[Overlap, ...]
    """Of the accepted rows that are held."""
    rejected: int
    """Replies, tasks and rows that were dropped, held or not."""
    held: Held
    twins: tuple[Twins, ...]


def hold(layout: Layout, most_accepted: int, most_rejected: int) -> Holding:
    """Count all rows and pack as many as fit; the rows that held duplicates repeat are held in any case."""
    reviews = read_reviews(layout)
    reasons = Counter(map(_kind, _dropped(layout, reviews)))
    files = [path for stage in STAGES for path in _files(layout, stage, "dropped")]
    quota = _fitting(reasons.total(), files, most_rejected)

    def chosen() -> Iterator[tuple[str, Dropped]]:
        return of_every_kind(_dropped(layout, reviews), _kind, reasons, quota)

    named = {id_ for stage, dropped in chosen() if stage == "curate" for id_ in shown.named_rows(dropped)}
    statistics, overlaps, packer = Statistics(), Overlaps(), Packer()
    originals: dict[str, Row] = {}
    for row in _sampled(layout, reviews, statistics, most_accepted, named):
        packer.add(shown.accepted(row))
        overlaps.add(row)
        if row.id in named:
            originals[row.id] = row
    twins: list[Twins] = []
    for stage, dropped in chosen():
        links = [id_ for id_ in shown.named_rows(dropped) if id_ in originals]
        packer.add(shown.rejected(stage, dropped, links))
        if links and stage == "curate" and len(twins) < MOST_TWINS:
            twins.append(_twins(dropped, originals[links[0]]))
    return Holding(statistics, overlaps.by_family, reasons.total(), packer.held, tuple(twins))


def _sampled(
    layout: Layout, reviews: Mapping[str, Review], statistics: Statistics, most: int, wanted: set[str]
) -> Iterator[Row]:
    """Run through all accepted rows; yield as many as fit, at even distances, and those that are wanted."""
    files = _files(layout, "curate", "shard")
    total = sum(map(_count_lines, files))
    quota = _fitting(total, files, most)
    for place, row in enumerate(statistics.watch(kept_rows(layout, reviews))):
        # rows that a review rescued follow all others; they were picked by hand
        if place >= total or is_chosen(place, quota, total) or row.id in wanted:
            yield row


def _dropped(layout: Layout, reviews: Mapping[str, Review]) -> Iterator[tuple[str, Dropped]]:
    for stage in STAGES:
        for dropped in dropped_rows(layout, stage):
            review = reviews.get(dropped.id)
            if not (review and review.accept and stage == "curate"):
                yield stage, dropped
    for rejected in rejected_rows(layout, reviews):
        yield "publish", rejected


def _kind(entry: tuple[str, Dropped]) -> str:
    stage, dropped = entry
    return f"{stage} {dropped.reason}"


def _twins(dropped: Dropped, kept: Row) -> Twins:
    query = shown.cut(Row.from_json(dropped.content).query)
    return Twins(kept.family, dropped.reason, dropped.detail, kept.query_language, shown.cut(kept.query), query)


def _files(layout: Layout, stage: str, kind: str) -> list[Path]:
    return sorted(layout.stage(stage).glob(f"{kind}-*.jsonl"))


def _fitting(rows: int, files: list[Path], most: int) -> int:
    """How many of the rows of some files fit into so many bytes."""
    size = sum(path.stat().st_size for path in files)
    return rows if size <= most else rows * most // size


def _count_lines(path: Path) -> int:
    count = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            count += block.count(b"\n")
    return count
