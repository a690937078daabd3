"""Assemble the finished data set of a run, from the run folder alone."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from flows import __version__
from flows.domain.ledger import StageTally
from flows.domain.reviews import REVIEWED
from flows.publishing.card import CardFacts
from flows.publishing.configs import ConfigOptions, config_shapes
from flows.publishing.exports.base import Rows
from flows.publishing.facts import write_card
from flows.publishing.folder import replace_folder
from flows.publishing.formats.shape import Shape
from flows.publishing.parquet import Written, write_parquet
from flows.publishing.survey import Survey
from flows.publishing.tasks import in_batch_name
from flows.publishing.ties import write_ties
from flows.recipes.folder import read_recipe
from flows.recipes.load import builtin_prompts
from flows.recipes.model import Publish, Recipe
from flows.reporting.page import write_report
from flows.stages.finished import Finished, finished_rows
from flows.store.layout import Layout
from flows.store.ledger import read_benchmarks, read_ledger, read_warnings, write_ledger
from flows.store.manifest import read_manifest
from flows.store.quality import read_quality
from flows.store.reviews import rejected_rows, rescued_rows

STAGE = "publish"

BRIDGE = "ties_two_splits"
"""Reason for a row of a growing set that shares texts with rows of two splits."""


def assemble(layout: Layout) -> StageTally:
    """Write `publish/` (Parquet files and card) and the report from the curated rows, and close the ledger.

    Raises UsageError when nothing is curated yet, StoreError when a file cannot be written.
    """
    recipe = read_recipe(layout)
    finished = finished_rows(layout, recipe)
    tally = write_set(layout.publish, recipe, finished)
    write_ledger(layout, [*_earlier_stages(layout), tally])
    write_report(layout, builtin_prompts() / "report", recipe.rows)
    return tally


def write_set(path: Path, recipe: Recipe, finished: Finished) -> StageTally:
    """Replace a folder by the finished rows as a data set with its card; raises StoreError.

    The tally counts rows that a growing set has already as its own, so that a run which grows has one account.
    """
    layout, survey = finished.layout, Survey()
    quality = read_quality(layout)
    with replace_folder(path) as folder:
        written = write_parquet(survey.watch(finished()), folder, _configs(recipe.publish, finished))
        write_ties(folder, finished())
        tally = _tally(finished)
        manifest = read_manifest(layout)
        facts = CardFacts(
            pretty_name=recipe.publish.pretty_name or recipe.name,
            recipe=recipe.name,
            description=recipe.description,
            version=__version__,
            license=recipe.publish.license,
            license_name=recipe.publish.license_name,
            license_link=recipe.publish.license_link,
            written=written,
            ledgers={f"{manifest['fingerprint']} {manifest['created']}": (*_earlier_stages(layout), tally)},
            survey=survey,
            made=(manifest["created"], manifest["created"]),
            citation=recipe.publish.citation,
            adopted=not recipe.families,
            benchmarks=tuple(read_benchmarks(layout)),
            warnings=(*read_warnings(layout), *_empty_splits(recipe.publish, written, survey.rows)),
            audit=quality["audit"],
            variety=quality["diversity"].get("families", {}),
        )
        write_card(folder, facts, card_template())
    return tally


def card_template() -> str:
    """Read the template of the card."""
    return (builtin_prompts() / "cards" / "dataset.md").read_text(encoding="utf-8")


def _empty_splits(publish: Publish, written: Iterable[Written], rows: int) -> Iterator[str]:
    """Say which splits got none of the rows that they should have."""
    filled = {split for config in written for split in config.splits}
    for split, share in publish.held_out.items():
        if split not in filled and rows * share >= 1:
            yield f"no row is in {split}: shared tasks, texts or near-copied queries tie the rows to each other"


def _earlier_stages(layout: Layout) -> list[StageTally]:
    return [tally for tally in read_ledger(layout) if tally.name != STAGE]


def _tally(finished: Finished) -> StageTally:
    layout, reviews = finished.layout, finished.reviews
    entered = _earlier_stages(layout)[-1].out
    created = sum(1 for _ in rescued_rows(layout, reviews))
    dropped = {REVIEWED: sum(1 for _ in rejected_rows(layout, reviews)), BRIDGE: len(finished.bridges)}
    out = entered + created - sum(dropped.values())
    return StageTally(STAGE, entered, created, out, {reason: count for reason, count in dropped.items() if count})


def _configs(publish: Publish, rows: Rows) -> tuple[Shape, ...]:
    groups = sorted({in_batch_name(row) for row in rows()}) if publish.by_family else ()
    return config_shapes(
        ConfigOptions(publish.configs, publish.negatives, publish.scorer, publish.instructions, groups)
    )
