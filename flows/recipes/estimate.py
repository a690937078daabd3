"""Estimate what a run would ask, before anything is sent."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from flows.domain.units import Unit
from flows.prompting.prompt import Prompt
from flows.recipes.draw import brainstorm_units, family_rows, instance_units
from flows.recipes.load import LoadedRecipe, Source
from flows.recipes.model import Price

CHARACTERS_PER_TOKEN = 4.0
TOKENS_PER_WORD = 1.4
"""Rules of thumb for English; other scripts take up to three times as many tokens."""
WORDS_BY_DEFAULT = 15
"""Words of a text for which nothing longer is asked."""
SAMPLE = 200
"""Units of a family that are rendered for its mean."""
STAND_IN = "Given a reader's question about a practical matter, find articles that answer it in full."


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one family would ask, without second calls and top-ups."""

    family: str
    rows: int
    requests: int
    """Rows plus lists of tasks."""
    tokens_in: int
    tokens_out: int


def estimate(loaded: LoadedRecipe) -> list[Estimate]:
    """Estimate requests and tokens of every family."""
    rows = family_rows(loaded, loaded.recipe.rows)
    return [_family(loaded, source, rows[source.name]) for source in loaded.sources]


def samples(loaded: LoadedRecipe, count: int = 3) -> Iterator[tuple[Unit, str]]:
    """Render the first unit of each of the first families; a stand-in takes the place of brainstormed tasks."""
    for source in islice(loaded.sources, count):
        unit = next(instance_units(loaded, source, [STAND_IN]))
        yield unit, source.prompt.render(unit.variables)


def cost(estimates: list[Estimate], price: Price) -> float:
    """US dollars at a model's price."""
    read = sum(entry.tokens_in for entry in estimates)
    written = sum(entry.tokens_out for entry in estimates)
    return (read * price.input + written * price.output) / 1_000_000


def price_of(prices: Mapping[str, Price], model: str) -> Price | None:
    """Find the price of a model: of its own name, or of the longest name that it starts with."""
    names = [name for name in prices if model.startswith(name)]
    return prices[max(names, key=len)] if names else None


def _family(loaded: LoadedRecipe, source: Source, rows: int) -> Estimate:
    size = loaded.recipe.brainstorm.tasks_per_request
    lists = math.ceil(rows / source.family.rows_per_task / size) if source.brainstorm else 0
    units = list(islice(instance_units(loaded, source, [STAND_IN]), min(rows, SAMPLE)))
    read = [len(source.prompt.render(unit.variables)) / CHARACTERS_PER_TOKEN for unit in units]
    written = [_words(source.prompt, unit) * TOKENS_PER_WORD for unit in units]
    tokens_in, tokens_out = _scaled(read, rows), _scaled(written, rows)
    if source.brainstorm and lists:
        unit = brainstorm_units(loaded, source, 0, 1)[0]
        tokens_in += lists * len(source.brainstorm.render(unit.variables)) / CHARACTERS_PER_TOKEN
        tokens_out += lists * size * WORDS_BY_DEFAULT * TOKENS_PER_WORD
    return Estimate(source.name, rows, rows + lists, round(tokens_in), round(tokens_out))


def _scaled(values: list[float], rows: int) -> float:
    return sum(values) / len(values) * rows if values else 0.0


def _words(prompt: Prompt, unit: Unit) -> float:
    """Words that an answer to the unit would have, a little over the least that is asked."""
    record = prompt.record
    assert record is not None, "only prompts that write rows are estimated here"
    asked: dict[str, float] = {}
    for axis in prompt.axes:
        drawn = next(value for value in axis.values if value.value == unit.variables[axis.name])
        if drawn.words:
            low, high = drawn.words
            asked |= dict.fromkeys(axis.columns, (low + high) / 2 if high else low * 1.2)
    texts = {"query": 1, "positives": len(record.positives), "negatives": len(record.negatives)}
    return sum(count * asked.get(column, 3 if record.labels else WORDS_BY_DEFAULT) for column, count in texts.items())
