"""The models of a run: opened as recipe and command line say, named in the manifest, and watched by one meter."""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from flows.errors import UsageError
from flows.ids import file_name
from flows.llm.memory import Memory
from flows.llm.meter import Budget, Meter, Metered, Paid, Rates
from flows.llm.open import default_spec, open_llm, split_spec
from flows.llm.policy import CallPolicy
from flows.llm.traffic import lanes_of
from flows.llm.types import LLM, at_once
from flows.recipes.estimate import estimate, price_of
from flows.recipes.load import LoadedRecipe
from flows.recipes.model import LLMSettings, Recipe, Stage
from flows.stages.memory import endpoint_memory
from flows.stages.paid import paid_before
from flows.stages.request import RunRequest
from flows.store.layout import Layout

NOT_WORDS = {
    "recipe": {"description", "rows", "recording", "limits", "curate", "publish", "prices", "shards"},
    "llm": {"name", "model", "endpoints", "key", "python", "engine", "concurrency", "timeout", "max_stall", "logprobs"},
}
"""What of a recipe does not change the words that are asked for: it may differ when a run is continued.

The models themselves stand in the manifest beside the recipe, as they were found at their endpoints.
"""
_SAME_WORDS = {"https": "http", "batch": "http"}
"""Ways to a model that may take one another's place when a run is continued: what is asked is the same."""


def endpoints(request: RunRequest, entry: LLMSettings, environ: Mapping[str, str] = os.environ) -> Sequence[str]:
    """Say where an entry's replies come from: as asked, else as the recipe says, else as the environment does."""
    return split_spec(request.llm) if request.llm else entry.endpoints or split_spec(default_spec(environ))


def is_replayed(request: RunRequest, recipe: Recipe) -> bool:
    """Whether no model is asked at all."""
    return all(spec.startswith("replay") for entry in recipe.llm for spec in endpoints(request, entry))


def open_clients(request: RunRequest, loaded: LoadedRecipe, layout: Layout, meter: Meter) -> dict[str, LLM]:
    """Open what answers the run's requests, by entry; raises UsageError."""
    memory = endpoint_memory(layout)
    return {name: _open(request, loaded, layout, name, meter, memory) for name in loaded.recipe.entries}


def concurrency(clients: Mapping[str, LLM], recipe: Recipe, stage: Stage) -> int:
    """Most requests of a stage in flight, over all endpoints of its models."""
    entries = recipe.models(stage).items()
    return sum(
        at_once(clients[name]) or entry.concurrency * max(1, len(lanes_of(clients[name]))) for name, entry in entries
    )


def label(name: str, model: str, kind: str) -> str:
    """Name a model for people: as its entry does, else as its endpoint does, else by what it is."""
    return name or model or kind


def open_meter(
    loaded: LoadedRecipe,
    layout: Layout,
    before: Paid | None = None,
    *,
    others: Callable[[], Paid] = Paid,
    changed: Callable[[Paid], None] | None = None,
) -> Meter:
    """Start counting from what the run has paid before; raises UsageError for a budget that cannot be watched.

    `others` and `changed` are those of the meter, for a process that shares the run.
    """
    recipe = loaded.recipe
    limits = recipe.limits
    rates = {name: rate for name, entry in recipe.entries.items() if (rate := _rate(recipe, entry))}
    if limits.max_cost is not None and (unknown := sorted({*recipe.entries} - {*rates})):
        name = unknown[0] or recipe.llm[0].model or "MODEL"
        raise UsageError(f"limits.max_cost: no price is known for {name!r}; add [prices.{name!r}] to the recipe")
    budget = Budget(limits.max_requests, limits.max_tokens, limits.max_cost)
    before = paid_before(layout, rates) if before is None else before
    expected = _expected(loaded, rates)
    return Meter(budget, rates, before=before, expected=expected, others=others, changed=changed)


def words(loaded: LoadedRecipe, request: RunRequest, models: Mapping[str, str]) -> dict[str, Any]:
    """All that changes the words of a run, for its fingerprint; `models` are as found at their endpoints."""
    recipe = loaded.recipe.model_dump(exclude=NOT_WORDS["recipe"])
    recipe["llm"] = [{key: value for key, value in llm.items() if key not in NOT_WORDS["llm"]} for llm in recipe["llm"]]
    # when to stop listing tasks is no word of a list
    del recipe["brainstorm"]["least_new"]
    prompts = [prompt for source in loaded.sources for prompt in (source.prompt, source.brainstorm) if prompt]
    kinds = {name: endpoints(request, entry)[0].partition(":")[0] for name, entry in loaded.recipe.entries.items()}
    return {
        "recipe": recipe,
        "prompts": {prompt.name: prompt.fingerprint for prompt in prompts},
        "llm": [
            {"name": name, "kind": _SAME_WORDS.get(kinds[name], kinds[name]), "model": model}
            for name, model in models.items()
        ],
    }


def _open(request: RunRequest, loaded: LoadedRecipe, layout: Layout, name: str, meter: Meter, memory: Memory) -> LLM:
    entry = loaded.recipe.entries[name]
    recordings = loaded.folders.find(loaded.recipe.recording) if loaded.recipe.recording else None
    return open_llm(
        endpoints(request, entry),
        model=entry.model,
        policy=CallPolicy(concurrency=entry.concurrency, timeout=entry.timeout, max_stall=entry.max_stall),
        api_key=_key(entry),
        record=Path(request.record) if request.record else None,
        recordings=recordings,
        memory=memory,
        batches=layout.batches / (file_name(name) if name else ""),
        metered=partial(Metered, meter=meter, entry=name),
        engine=entry.engine,
        python=entry.python,
    )


def _key(entry: LLMSettings, environ: Mapping[str, str] = os.environ) -> str | None:
    """Read an entry's key; raises UsageError when its variable is not set."""
    if entry.key is None:
        return None
    if not environ.get(entry.key):
        raise UsageError(f"llm {entry.name or entry.model}: the environment variable {entry.key} is not set")
    return environ[entry.key]


def _rate(recipe: Recipe, entry: LLMSettings) -> Rates | None:
    price = price_of(recipe.prices, entry.model or "")
    return (price.input / 1e6, price.output / 1e6) if price else None


def _expected(loaded: LoadedRecipe, rates: Mapping[str, Rates]) -> Paid:
    """What one request is thought to cost, before any was answered."""
    estimates = estimate(loaded)
    requests = sum(entry.requests for entry in estimates)
    read, written = (sum(getattr(entry, name) for entry in estimates) for name in ("tokens_in", "tokens_out"))
    weights = {name: entry.weight for name, entry in loaded.recipe.entries.items() if name in rates}
    cost = sum(weights[name] * (read * rate[0] + written * rate[1]) for name, rate in rates.items())
    return Paid(1, round(read / requests), round(written / requests), cost / requests / (sum(weights.values()) or 1))
