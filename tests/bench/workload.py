"""What the clients of a scenario send, and what the server answers: the recipe `e5`, with tasks at hand."""

from itertools import islice
from math import ceil
from random import Random
from typing import Any

from flows.llm.ladder import STEPS
from flows.recipes.draw import family_rows, run_units
from flows.recipes.load import LoadedRecipe, load_recipe
from tests.servers.writer import write_reply

RECIPE = "e5"
DISTINCT = 256
"""Different requests that the bare loops send in turn: their memory is to be that of the loop."""


def tasks_for(loaded: LoadedRecipe) -> dict[str, list[str]]:
    """Give task sentences for every family that brainstorms, as many as its rows need."""
    rows = family_rows(loaded, loaded.recipe.rows)
    return {
        source.name: [
            f"Given a question about matter {number}, find the text that settles it."
            for number in range(max(1, ceil(rows[source.name] / source.family.rows_per_task)))
        ]
        for source in loaded.sources
        if source.brainstorm
    }


def requests() -> list[dict[str, Any]]:
    """Give bodies as the generate stage sends them."""
    loaded = load_recipe(RECIPE, rows=DISTINCT)
    bodies = []
    for unit in run_units(loaded, tasks_for(loaded), DISTINCT):
        prompt, settings = loaded.source(unit.family).prompt, loaded.recipe.entries[unit.model]
        schema = {"name": prompt.name.replace("/", "_"), "schema": prompt.schema, "strict": True}
        bodies.append(
            {
                "model": "m",
                "messages": [{"role": "user", "content": prompt.render(unit.variables)}],
                "temperature": settings.temperature,
                "top_p": settings.top_p,
                "max_tokens": settings.max_tokens,
                "response_format": {"type": STEPS[0].rung, "json_schema": schema},
            }
        )
    return bodies


def replies() -> dict[str, list[str]]:
    """Give good replies by schema name: texts of the language and length that the request asked for."""
    found: dict[str, list[str]] = {}
    for body in islice(requests(), DISTINCT):
        schema = body["response_format"]["json_schema"]
        text = write_reply(body["messages"][0]["content"], schema["schema"], Random(len(found)))
        found.setdefault(schema["name"], []).append(text)
    return found
