"""Add up what a run asked of its models, and what it cost."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from flows.recipes.estimate import price_of
from flows.recipes.model import Price
from flows.reporting.data import ModelUse
from flows.store.jsonio import loads
from flows.store.layout import Layout
from flows.store.shards import ShardTally

ASKING = ("brainstorm", "generate")
"""Stages that ask models."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Requests and tokens of a run."""

    requests: Mapping[str, int]
    """Family -> calls answered."""
    tokens: Mapping[str, tuple[int, int]]
    """Model -> tokens read and written."""


def read_spent(layout: Layout) -> Spent:
    """Add up the sealed shards of all stages that ask models."""
    requests: Counter[str] = Counter()
    tokens: dict[str, tuple[int, int]] = {}
    for path in (path for stage in ASKING for path in sorted(layout.stage(stage).glob("tally-*.json"))):
        tally = ShardTally(**loads(path.read_bytes()))
        requests.update(tally.requests)
        for model, (read, written) in tally.tokens.items():
            before = tokens.get(model, (0, 0))
            tokens[model] = (before[0] + read, before[1] + written)
    return Spent(dict(requests.most_common()), tokens)


def model_uses(spent: Spent, rows: Mapping[str, int], prices: Mapping[str, Price]) -> tuple[ModelUse, ...]:
    """Give what every model read, wrote and cost, the one with most rows first."""
    models = sorted({*spent.tokens, *rows}, key=lambda model: (-rows.get(model, 0), model))
    return tuple(_use(model, *spent.tokens.get(model, (0, 0)), rows.get(model, 0), prices) for model in models)


def _use(model: str, read: int, written: int, rows: int, prices: Mapping[str, Price]) -> ModelUse:
    price = price_of(prices, model)
    cost = (read * price.input + written * price.output) / 1_000_000 if price else None
    return ModelUse(model, read, written, rows, cost)
