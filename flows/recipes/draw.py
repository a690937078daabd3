"""Draw the units of a stage: places of a family, each with variables drawn by quota from the seed.

A place (slot) has the same variables whatever the run's size is, and keeps them when it is asked again, so that the
rows that are accepted in the end keep every share of the recipe.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, repeat
from random import Random
from typing import TypeVar

from flows.domain.languages import language
from flows.domain.records import Json
from flows.domain.units import Unit
from flows.ids import rng
from flows.prompting.prompt import Prompt
from flows.recipes.load import LoadedRecipe, Source
from flows.recipes.model import Stage
from flows.recipes.quota import counts, sequence, unlike_pairs

Value = TypeVar("Value")


def family_rows(loaded: LoadedRecipe, rows: int) -> dict[str, int]:
    """Rows of every family in a run of `rows` rows; each is within one of its share."""
    found = counts([s.family.share for s in loaded.sources], rng(loaded.recipe.seed, "families"), rows)
    return dict(zip((source.name for source in loaded.sources), found, strict=True))


def variables(prompt: Prompt, languages: Mapping[str, float], *seed: Json) -> Iterator[dict[str, Json]]:
    """Yield the drawn variables of slot 0, 1, 2, … of a prompt: languages by English name, then axes.

    `languages` is ISO code -> share; every sequence has a generator of chance of its own, named by `seed`.
    """
    names: list[Json] = [language(code).name for code in languages]
    shares = list(languages.values())
    draws: dict[str, Iterator[Json]] = {
        axis.name: _values([v.value for v in axis.values], axis.weights, rng(*seed, "axis", axis.name))
        for axis in prompt.axes
    }
    if len(prompt.languages) == 1:
        draws[prompt.languages[0]] = _values(names, shares, rng(*seed, "language", prompt.languages[0]))
    pairs: Iterator[tuple[int, int]] | None = None
    if len(prompt.languages) == 2:
        first, second = (rng(*seed, "language", name) for name in prompt.languages)
        pairs = unlike_pairs(shares, first, second)
    while True:
        drawn = {name: next(values) for name, values in draws.items()}
        if pairs:
            drawn |= dict(zip(prompt.languages, (names[i] for i in next(pairs)), strict=True))
        yield drawn


def run_units(loaded: LoadedRecipe, tasks: Mapping[str, Sequence[str]], rows: int) -> Iterator[Unit]:
    """Yield the units that fill every slot of a run of `rows` rows, families interleaved by their shares.

    `tasks` has the task sentences of each family that brainstorms.
    """
    units = [instance_units(loaded, source, tasks.get(source.name, ())) for source in loaded.sources]
    draws = sequence([s.family.share for s in loaded.sources], rng(loaded.recipe.seed, "families"))
    return (next(units[index]) for index in islice(draws, rows))


def instance_units(loaded: LoadedRecipe, source: Source, tasks: Sequence[str]) -> Iterator[Unit]:
    """Yield the unit of slot 0, 1, 2, … of a family.

    Each task serves `rows_per_task` slots; when there are too few tasks they serve in turn again, with the sample
    number counting on.
    """
    recipe = loaded.recipe
    drawn = variables(source.prompt, recipe.languages, recipe.seed, source.name)
    models = _models(loaded, "generate", source.name)
    per_task = source.family.rows_per_task
    for slot, (values, model) in enumerate(zip(drawn, models, strict=False)):
        task: dict[str, Json] = {}
        sample = slot
        if source.brainstorm:
            lap, number = divmod(slot // per_task, len(tasks))
            task, sample = {"task": tasks[number]}, lap * per_task + slot % per_task
        given = {**task, **values, "sample": sample + 1, "attempt": 0}
        yield Unit("generate", source.name, slot, 0, source.prompt.name, given, model)


def brainstorm_units(loaded: LoadedRecipe, source: Source, start: int, count: int) -> list[Unit]:
    """Units `start` to `start + count` of a family's task lists."""
    if source.brainstorm is None:
        return []
    recipe = loaded.recipe
    drawn = variables(source.brainstorm, {}, recipe.seed, source.name, "tasks")
    models = _models(loaded, "brainstorm", source.name)
    return [
        Unit(
            "brainstorm",
            source.name,
            slot,
            0,
            source.brainstorm.name,
            {**values, "number": recipe.brainstorm.tasks_per_request, "sample": slot + 1, "attempt": 0},
            model,
        )
        for slot, (values, model) in islice(enumerate(zip(drawn, models, strict=False)), start, start + count)
    ]


def again(unit: Unit, slot: int, attempt: int) -> Unit:
    """Ask for a slot once more, with the variables and model of `unit`: its own, as a rule."""
    given = {**unit.variables, "attempt": attempt}
    return Unit(unit.stage, unit.family, slot, attempt, unit.prompt, given, unit.model)


def _models(loaded: LoadedRecipe, stage: Stage, family: str) -> Iterator[str]:
    """Yield the name of the model for place 0, 1, 2, … of a family: every prefix keeps the weights to within one."""
    models = loaded.recipe.models(stage)
    if len(models) == 1:
        return repeat(next(iter(models)))
    weights = [entry.weight for entry in models.values()]
    return _values(list(models), weights, rng(loaded.recipe.seed, family, stage, "models"))


def _values(values: Sequence[Value], weights: Sequence[float], chance: Random) -> Iterator[Value]:
    return (values[index] for index in sequence(weights, chance))
