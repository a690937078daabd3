"""`triplesmith plan`: say what a run would ask and cost; nothing is sent."""

import argparse
import sys

from flows.commands.request import run_request
from flows.recipes.estimate import cost, estimate, price_of, samples
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
    models = [args.model] if args.model else sorted(recipe.prices)
    for model in models:
        price = price_of(recipe.prices, model)
        sum_ = (
            f"{cost(estimates, price):.2f} US dollars" if price else f"no price; add [prices.{model!r}] to the recipe"
        )
        lines.append(f"cost with {model}: {sum_}")
    for unit, text in samples(loaded):
        lines += ["", f"--- sample prompt {unit.prompt}, slot {unit.slot} " + "-" * 20, text]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0
