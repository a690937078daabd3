"""Say what a run will cost: from its plan, and again from its first rows."""

from dataclasses import fields, replace

from flows.llm.meter import Paid
from flows.recipes.estimate import estimate
from flows.recipes.model import Limits
from flows.stages.work import Work

FIRST_ROWS = 50
"""Rows after which the projection is made again from what they cost."""


def from_first_rows(work: Work) -> None:
    """Tell what the run will cost, once, when its first rows are there and it has a budget or a price."""
    progress = work.progress
    if progress.written != FIRST_ROWS or progress.stage != "generate" or progress.round:
        return
    paid = work.meter.paid
    if not paid.tokens:
        return  # replayed
    share = max(progress.planned - progress.done, 0) / progress.done
    rest = Paid(*(round(getattr(paid, entry.name) * share) for entry in fields(Paid)))
    total = replace(paid + rest, cost=paid.cost * (1 + share))
    words = f"after {FIRST_ROWS} rows: {paid.tokens / progress.done:,.0f} tokens a row; the run is projected at "
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
