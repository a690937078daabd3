"""Assemble the finished data set of a run, and upload it; all from the run folder, without a model."""

from flows import __version__
from flows.domain.ledger import StageTally
from flows.domain.reviews import REVIEWED
from flows.publishing.card import CardFacts
from flows.publishing.configs import ConfigOptions, config_shapes
from flows.publishing.exports.base import Rows
from flows.publishing.facts import write_card
from flows.publishing.folder import replace_folder
from flows.publishing.formats.shape import Shape
from flows.publishing.parquet import write_parquet
from flows.publishing.survey import Survey
from flows.publishing.tasks import in_batch_name
from flows.recipes.folder import read_recipe
from flows.recipes.load import builtin_prompts
from flows.recipes.model import Publish
from flows.reporting.page import write_report
from flows.stages.finished import finished_rows
from flows.store.layout import Layout
from flows.store.ledger import read_benchmarks, read_ledger, write_ledger
from flows.store.reviews import rejected_rows, rescued_rows

STAGE = "publish"


def assemble(layout: Layout) -> StageTally:
    """Write `publish/` (Parquet files and card) and the report from the curated rows, and close the ledger.

    Raises UsageError when nothing is curated yet, StoreError when a file cannot be written.
    """
    recipe = read_recipe(layout)
    finished = finished_rows(layout, recipe)
    ledger = [tally for tally in read_ledger(layout) if tally.name != STAGE]
    survey = Survey()
    with replace_folder(layout.publish) as folder:
        written = write_parquet(survey.watch(finished()), folder, _configs(recipe.publish, finished))
        rows = sum(survey.families.values())
        reviews = finished.reviews
        rejected = sum(1 for _ in rejected_rows(layout, reviews))
        tally = StageTally(
            STAGE,
            entered=ledger[-1].out,
            created=sum(1 for _ in rescued_rows(layout, reviews)),
            out=rows,
            dropped={REVIEWED: rejected} if rejected else {},
        )
        facts = CardFacts(
            pretty_name=recipe.publish.pretty_name or recipe.name,
            recipe=recipe.name,
            description=recipe.description,
            version=__version__,
            license=recipe.publish.license,
            license_name=recipe.publish.license_name,
            license_link=recipe.publish.license_link,
            written=written,
            ledger=(*ledger, tally),
            survey=survey,
            adopted=not recipe.families,
            benchmarks=tuple(read_benchmarks(layout)),
        )
        template = (builtin_prompts() / "cards" / "dataset.md").read_text(encoding="utf-8")
        write_card(folder, facts, template)
    write_ledger(layout, [*ledger, tally])
    write_report(layout, builtin_prompts() / "report", recipe.rows)
    return tally


def _configs(publish: Publish, rows: Rows) -> tuple[Shape, ...]:
    groups = sorted({in_batch_name(row) for row in rows()}) if publish.by_family else ()
    return config_shapes(
        ConfigOptions(publish.configs, publish.negatives, publish.scorer, publish.instructions, groups)
    )


def upload(layout: Layout, repo: str, *, public: bool) -> str:
    """Commit `publish/` to a Hub data set; returns the commit's address. Raises PublishError."""
    from flows.publishing.push import push

    return push(layout.publish, repo, private=not public).url


def dry_run(layout: Layout, repo: str, *, public: bool) -> list[str]:
    """Say what an upload would commit, a line for each file."""
    from flows.publishing.push import push

    return [str(operation) for operation in push(layout.publish, repo, private=not public, dry_run=True).operations]
