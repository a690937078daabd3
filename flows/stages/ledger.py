"""Add up the ledger of a run, and lay it out for people."""

from collections import Counter
from collections.abc import Mapping, Sequence

from flows.domain.ledger import ModelAccount, StageTally, total
from flows.recipes.estimate import price_of
from flows.stages import brainstorm, generate
from flows.stages.curate import Curated
from flows.stages.models import label
from flows.stages.plan import read_rounds
from flows.stages.work import Work
from flows.store.layout import Layout
from flows.store.manifest import read_manifest
from flows.store.shards import ModelTally, ShardTally, so_far


def generated(work: Work) -> StageTally:
    """Add up the shards of the generate stage, as far as they are."""
    tallies = _tallies(work.layout, generate.STAGE)
    return total(generate.STAGE, (StageTally("", created=t.created, out=t.out, dropped=t.dropped) for t in tallies))


def accounts(work: Work, curated: Curated) -> list[ModelAccount]:
    """Say what every model of a run was asked for, gave and cost."""
    listed, written = (_by_model(work.layout, stage) for stage in (brainstorm.STAGE, generate.STAGE))
    return [
        _account(work, model, listed.get(name, ModelTally()), written.get(name, ModelTally()), curated.models.get(name))
        for model in read_manifest(work.layout)["parts"]["llm"]
        for name in (model["name"],)
    ]


def _account(
    work: Work, model: Mapping[str, str], listed: ModelTally, written: ModelTally, curated: Counter[str] | None
) -> ModelAccount:
    verdicts = Counter(curated or {})
    accepted = verdicts.pop("", 0)
    both = listed + written
    price = price_of(work.loaded.recipe.prices, model["model"]) if model["kind"] != "replay" else None
    return ModelAccount(
        name=label(**model),
        model=model["model"],
        asked=written.asked,
        accepted=accepted,
        dropped=dict((Counter(written.dropped) + verdicts).most_common()),
        requests=both.requests,
        tokens_in=both.tokens_in,
        tokens_out=both.tokens_out,
        cost=round((both.tokens_in * price.input + both.tokens_out * price.output) / 1e6, 6) if price else None,
    )


def _by_model(layout: Layout, stage: str) -> dict[str, ModelTally]:
    models: dict[str, ModelTally] = {}
    for tally in _tallies(layout, stage):
        for name, part in tally.models.items():
            models[name] = models.get(name, ModelTally()) + part
    return models


def _tallies(layout: Layout, stage: str) -> list[ShardTally]:
    shards = [shard for planned in read_rounds(layout, stage) for shard in planned.numbers]
    return [tally for shard in shards if (tally := so_far(layout, stage, shard))]


def ledger_markdown(tallies: Sequence[StageTally]) -> str:
    """Lay the ledger out as a Markdown table."""
    lines = ["| stage | in | created | out | dropped |", "| --- | ---: | ---: | ---: | --- |"]
    for tally in tallies:
        reasons = ", ".join(f"{count} {reason}" for reason, count in tally.by_reason.items()) or "none"
        lines.append(f"| {tally.name} | {tally.entered} | {tally.created} | {tally.out} | {reasons} |")
    return "\n".join(lines)


def accounts_markdown(models: Sequence[ModelAccount]) -> str:
    """Lay out what every model did as a Markdown table."""
    lines = [
        "| model | asked | accepted | yield | requests | tokens in | tokens out | cost | dropped |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for model in models:
        reasons = ", ".join(f"{count} {reason}" for reason, count in model.dropped.items()) or "none"
        share = f"{model.accepted / model.asked:.1%}" if model.asked else ""
        cost = "" if model.cost is None else f"${model.cost:.2f}"
        lines.append(
            f"| {model.name} | {model.asked} | {model.accepted} | {share} | {model.requests} | {model.tokens_in} "
            f"| {model.tokens_out} | {cost} | {reasons} |"
        )
    return "\n".join(lines)


def ledger_table(tallies: Sequence[StageTally]) -> list[dict[str, str | int]]:
    """Give a line for every stage and reason."""
    return [
        {"stage": tally.name, "reason": reason, "rows": count}
        for tally in tallies
        for reason, count in [("(out)", tally.out), *tally.dropped.items()]
    ]
