"""`triplesmith plan`: say what a run would ask and cost; nothing is sent."""

import argparse
import sys
from collections.abc import Iterator

from flows.commands.request import run_request
from flows.llm.meter import Paid
from flows.recipes.estimate import Estimate, cost, estimate, price_of, samples
from flows.recipes.load import LoadedRecipe
from flows.stages.projection import against, describe
from flows.stages.work import read_request


def call(args: argparse.Namespace) -> int:
    """Print requests, tokens, cost and three sample prompts."""
    loaded, layout = read_request(run_request(args))
    recipe = loaded.recipe
    estimates = estimate(loaded)
    lines = [f"{recipe.name}: {recipe.rows} rows into {layout.root}", ""]
    lines.append(f"{'family':<16}{'rows':>9}{'requests':>10}{'tokens in':>12}{'tokens out':>12}")
    for entry in estimates:
        lines.append(
            f"{entry.family:<16}{entry.rows:>9}{entry.requests:>10}{entry.tokens_in:>12}{entry.tokens_out:>12}"
        )
    totals = [sum(getattr(e, name) for e in estimates) for name in ("rows", "requests", "tokens_in", "tokens_out")]
    lines.append(f"{'total':<16}{totals[0]:>9}{totals[1]:>10}{totals[2]:>12}{totals[3]:>12}")
    lines.append("")
    lines.append(
        f"estimates, before second calls and top-ups; the cap is {recipe.limits.requests_per_row:g} requests per row"
    )
    lines += _costs(loaded, estimates)
    for unit, text in samples(loaded):
        lines += ["", f"--- sample prompt {unit.prompt}, slot {unit.slot} " + "-" * 20, text]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _costs(loaded: LoadedRecipe, estimates: list[Estimate]) -> Iterator[str]:
    """Say what each model would cost: those of the recipe, or all that it has prices of when it names none."""
    recipe = loaded.recipe
    named = {entry.model: entry.weight for entry in recipe.llm if entry.model}
    models = named or dict.fromkeys(sorted(recipe.prices), 1.0)
    weights = sum(named.values()) or 1.0
    known = 0.0
    for model, weight in models.items():
        price = price_of(recipe.prices, model)
        share = weight / weights
        part = f" for {share:.0%} of the requests" if share < 1 else ""
        if price is None:
            yield f"cost with {model}: no price; add [prices.{model!r}] to the recipe"
        else:
            known += cost(estimates, price) * share
            yield f"cost with {model}: {cost(estimates, price) * share:.2f} US dollars{part}"
    total = Paid(
        sum(entry.requests for entry in estimates),
        sum(entry.tokens_in for entry in estimates),
        sum(entry.tokens_out for entry in estimates),
        known if named else 0.0,
    )
    if words := against(total, recipe.limits):
        yield f"projected: {describe(total)}{words}"
