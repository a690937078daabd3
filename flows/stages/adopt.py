"""Bring rows that were made elsewhere into a run folder, where they are curated and published like any others."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import chain, count, islice
from pathlib import Path
from typing import Any

import tomli_w

from flows.curation.near import NearPolicy
from flows.curation.policy import CurationPolicy
from flows.domain.ledger import StageTally, total
from flows.domain.units import Dropped
from flows.errors import UsageError
from flows.index.index import Index
from flows.recipes.folder import read_recipe
from flows.recipes.load import load_recipe
from flows.recipes.model import Recipe
from flows.sources.gather import gather_negatives
from flows.sources.locate import Source, locate
from flows.sources.records import Record
from flows.sources.triples import Reading, Wanted, plan_reading, read_row
from flows.stages.benchmarks import with_benchmarks
from flows.stages.job import Job
from flows.stages.plan import Round, read_rounds, stage_ids
from flows.stages.progress import Progress
from flows.stages.request import CurateRequest
from flows.store.atomic import replace_file
from flows.store.jsonio import write_json
from flows.store.layout import Layout
from flows.store.lock import locked
from flows.store.manifest import claim
from flows.store.shards import ShardTally, seal, sealed

STAGE = "import"
SHARD = 4096
"""Rows of one shard: none of them is paid for, and a million are to be few files."""
SAMPLE = 1000
"""Records that tell how all are read."""


@dataclass(frozen=True, slots=True)
class Adoption:
    """One open curation of foreign rows."""

    layout: Layout
    source: Source
    reading: Reading
    recipe: Recipe


def run_folder(request: CurateRequest) -> Layout:
    """Give the folder that a request works in."""
    return Layout(Path(request.out or f"outputs/{_name(request.path)}-curated"))


@contextmanager
def open_adoption(request: CurateRequest) -> Iterator[Adoption]:
    """Lock the run folder and check source, columns, recipe and folder; raises TriplesmithError."""
    loaded = load_recipe(request.recipe, request.changes, rows=1)
    layout = run_folder(request)
    source = locate(request.path, request.config, request.split)
    wanted = Wanted(request.columns, request.scores, request.family, request.language)
    sample = [record for record in islice(source.read(), SAMPLE) if isinstance(record, Record)]
    if not sample:
        raise UsageError(f"{request.path}: no record in it can be read")
    reading = plan_reading(sample, wanted, request.path, source.fingerprint)
    name = _name(request.path)
    told = f"Rows of {source.name}, curated by the thresholds of the recipe {loaded.recipe.name}"
    if request.index:
        semantic = loaded.recipe.curate.semantic
        Index(Path(request.index)).check(semantic, stage_ids(layout, STAGE) if semantic else ())
    own: dict[str, Any] = {"name": name, "description": told, "families": {}, "languages": {}, "recording": None}
    recipe = loaded.recipe.model_copy(update=own)
    if reading.score_range and recipe.curate.near == CurationPolicy().near:
        # one sentence stands in many graded pairs
        pairs = (NearPolicy("rouge_l", 0.9, compare="query_positive"),)
        recipe = recipe.model_copy(update={"curate": replace(recipe.curate, near=pairs)})
    recipe = recipe.model_copy(update={"curate": with_benchmarks(recipe.curate, request.benchmarks)})
    with locked(layout):
        words = {"source": source.fingerprint, "reading": str(reading), "wanted": asdict(wanted), "seed": recipe.seed}
        claim(layout, {"import": words})
        yield Adoption(layout, source, reading, recipe)


def bring_in(adoption: Adoption, progress: Progress) -> StageTally:
    """Write every record as a row or with the reason why it is none, once; a killed import begins anew."""
    layout = adoption.layout
    if not read_rounds(layout, STAGE):
        records = adoption.source.read()
        places = count()
        shards = 0
        while part := list(islice(records, SHARD)):
            read = (read_row(record, adoption.reading, place) for record, place in zip(part, places, strict=False))
            made = list(read if adoption.reading.columns is None else gather_negatives(read))
            dropped = [row for row in made if isinstance(row, Dropped)]
            rows = [row for row in made if not isinstance(row, Dropped)]
            reasons = dict(Counter(row.reason for row in dropped))
            seal(layout, STAGE, shards, rows, dropped, ShardTally(len(made), len(rows), reasons))
            shards += 1
            progress.recount(len(made), reasons)
        write_json(layout.round(STAGE, 0), asdict(Round(0, 0, shards, next(places), 0)))
    tally = imported(layout)
    with replace_file(layout.recipe) as file:
        recipe = adoption.recipe.model_copy(update={"rows": max(1, tally.created)})
        tomli_w.dump(recipe.model_dump(exclude_none=True), file)
    return tally


def imported(layout: Layout) -> StageTally:
    """Add up the sealed shards of an import."""
    shards = chain.from_iterable(planned.numbers for planned in read_rounds(layout, STAGE))
    tallies = (tally for shard in shards if (tally := sealed(layout, STAGE, shard)))
    return total(STAGE, (StageTally("", created=t.created, out=t.out, dropped=t.dropped) for t in tallies))


def job(layout: Layout, index: str | None = None) -> Job:
    """Give the curation of the rows that a folder has imported."""
    return Job(layout, STAGE, read_recipe(layout).curate, Index(Path(index)) if index else None)


def _name(path: str) -> str:
    """Make a name of what the source is called."""
    plain = Path(path).resolve().name if Path(path).exists() else path
    words = re.sub(r"[^A-Za-z0-9._-]+", "-", re.sub(r"\.(jsonl|ndjson|json|csv|tsv|parquet)(\.gz)?\Z", "", plain))
    return words.strip("-._") or "rows"
