"""How a run ended, in words for the person who started it."""

from collections.abc import Sequence
from dataclasses import dataclass

from flows.domain.ledger import StageTally
from flows.errors import TriplesmithError
from flows.stages.curate import Curated
from flows.stages.work import Work

NOT_RECORDED = (
    "; the recording answers only the requests it was made from: the recipe's own rows, seed, languages and axes. "
    "Give --llm URL --model NAME to ask a model"
)


@dataclass(frozen=True, slots=True)
class RunResult:
    """The end of a run."""

    run: str
    """Run folder."""
    target: int
    accepted: int
    commit: str | None = None
    """Address of the Hub commit, when there was an upload."""
    short: str | None = None
    """Why rows are missing, and what to do; None when all are there."""
    warnings: Sequence[str] = ()
    """What a person should know before using the rows."""


def shortfall(work: Work, generated: StageTally, curated: Curated, stop: TriplesmithError | None = None) -> str | None:
    """Say why families lack rows, because of a stop or since their caps on requests are reached, or None."""
    missing = curated.slots.missing
    if stop is not None:
        return f"{stop} ({missing.total()} rows are missing)"
    if not missing:
        return None
    per_row = work.loaded.recipe.limits.requests_per_row
    lacking = ", ".join(f"{family} {count}" for family, count in missing.items())
    if "not_recorded" in generated.dropped:
        return f"{missing.total()} rows are missing ({lacking}){NOT_RECORDED}"
    return (
        f"the cap of {per_row:g} requests per row stopped the run with {missing.total()} rows missing ({lacking}); "
        f"to go on, run again with --set limits.requests_per_row={2 * per_row:g}"
    )


def explain_nothing(what: str, families: Sequence[str], tally: StageTally) -> str:
    """Say why a stage made nothing for some families."""
    reasons = ", ".join(f"{count} {reason}" for reason, count in tally.by_reason.items()) or "nothing was asked"
    hint = NOT_RECORDED if "not_recorded" in tally.dropped else ""
    return f"{tally.name} gave {what} for {', '.join(families)}: {reasons}{hint}"
