"""Say what a run will cost: from its plan, and again from its first rows."""

from flows.llm.meter import Paid
from flows.recipes.estimate import estimate
from flows.recipes.model import Limits
from flows.stages.plan import read_rounds
from flows.stages.work import Work

FIRST_ROWS = 50
"""Rows after which the projection is made again from what they cost."""


def from_first_rows(work: Work, more: int = 1) -> None:
    """Tell what the run will cost, once: when with `more` rows the first ones are there, and their tokens are known."""
    progress = work.progress
    first = progress.written - more < FIRST_ROWS <= progress.written
    if not first or progress.stage != "generate" or progress.round:
        return
    paid = work.meter.paid
    if not paid.tokens:
        return  # replayed
    lists = sum(planned.units for planned in read_rounds(work.layout, "brainstorm"))
    rows = max(progress.planned, progress.target)  # a run that goes on may know its first round alone so far
    left, each = max(rows + lists - paid.requests, 0), work.meter.mean()
    total = paid + Paid(left, left * each.tokens_in, left * each.tokens_out, left * each.cost)
    words = f"after {progress.written} rows: {each.tokens:,} tokens a request; the run is projected at "
    progress.tell(words + describe(total) + against(total, work.loaded.recipe.limits))


def describe(paid: Paid) -> str:
    """Put requests, tokens and cost into words."""
    cost = f", {paid.cost:,.2f} US dollars" if paid.cost else ""
    return f"{paid.requests:,} requests, {paid.tokens:,} tokens{cost}"


def against(total: Paid, limits: Limits) -> str:
    """Say which part of it the budget covers, nothing when there is no budget or it covers all."""
    budgets = {"max_requests": total.requests, "max_tokens": total.tokens, "max_cost": total.cost}
    parts = {
        name: limit / need for name, need in budgets.items() if (limit := getattr(limits, name)) is not None and need
    }
    if not parts:
        return ""
    name, part = min(parts.items(), key=lambda item: item[1])
    if part >= 1:
        return "; within the budget"
    return (
        f"; limits.{name} = {getattr(limits, name):g} covers {part:.0%} of it, then the run stops and can be continued"
    )


def against_plan(work: Work) -> str:
    """Say what the whole run will cost by its plan, when it has a budget; nothing otherwise."""
    limits = work.loaded.recipe.limits
    if all(getattr(limits, name) is None for name in ("max_requests", "max_tokens", "max_cost")):
        return ""
    each, requests = work.meter.mean(), sum(entry.requests for entry in estimate(work.loaded))
    total = Paid(requests, requests * each.tokens_in, requests * each.tokens_out, requests * each.cost)
    spent = work.meter.paid
    before = f" ({describe(spent)} are spent)" if spent.requests else ""
    return f"projected: {describe(total)}{before}{against(total, limits)}"
