"""One open run: its folder, recipe, client and counters, as the stages need them."""

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import tomli_w

from flows.errors import UsageError
from flows.llm.open import default_spec, open_llm, preflight
from flows.llm.policy import CallPolicy
from flows.llm.traffic import traffic_of
from flows.llm.types import LLM
from flows.recipes.draw import family_rows
from flows.recipes.load import LoadedRecipe, load_recipe
from flows.stages.progress import Progress
from flows.stages.request import RunRequest
from flows.store.atomic import replace_file
from flows.store.layout import Layout
from flows.store.lock import locked
from flows.store.manifest import claim

NOT_WORDS = {
    "recipe": {"description", "rows", "recording", "limits", "curate", "publish", "prices"},
    "llm": {"concurrency", "timeout", "max_stall"},
}
"""What of a recipe does not change the words that are asked for: it may differ when a run is continued."""


@dataclass(frozen=True)
class Work:
    """One open run."""

    layout: Layout
    loaded: LoadedRecipe
    fingerprint: str
    client: LLM
    progress: Progress = field(default_factory=Progress)

    @property
    def rows(self) -> Mapping[str, int]:
        """Rows to accept, by family."""
        return family_rows(self.loaded, self.loaded.recipe.rows)


DAY = "{date}"
"""What a run folder's name may hold for the day of the run."""

_active: ContextVar[Work] = ContextVar("work")


def active_work() -> Work:
    """Give the run that the calling flow belongs to."""
    try:
        return _active.get()
    except LookupError:
        raise UsageError("a stage runs inside a run: start the flow `pipeline`, or `triplesmith run`") from None


def read_request(request: RunRequest, today: date | None = None) -> tuple[LoadedRecipe, Layout]:
    """Load what a request names; raises UsageError.

    `{date}` in the run folder stands for the day (UTC); such a run has a seed of its own day, unless one is given,
    since a schedule that draws the same requests every night would make the same rows.
    """
    loaded = load_recipe(request.recipe, request.changes, rows=request.rows, seed=request.seed)
    out = request.out or f"outputs/{loaded.recipe.name}"
    if DAY in out:
        day = (today or datetime.now(UTC).date()).strftime("%Y%m%d")
        out = out.replace(DAY, day)
        if request.seed is None:
            loaded = load_recipe(request.recipe, request.changes, rows=request.rows, seed=int(day) + loaded.recipe.seed)
    return loaded, Layout(Path(out))


def which_llm(request: RunRequest, environ: Mapping[str, str] = os.environ) -> str:
    """Say where the run's replies come from: as asked, else what the environment names, else a recording."""
    return request.llm or default_spec(environ)


@asynccontextmanager
async def open_work(request: RunRequest, progress: Progress) -> AsyncIterator[Work]:
    """Lock the run folder, open the client and check that the folder is this run's; raises TriplesmithError."""
    loaded, layout = read_request(request)
    with locked(layout):
        client = open_client(request, loaded)
        try:
            facts = await preflight(client)
            fingerprint = claim(layout, words(loaded, which_llm(request), facts.model))
            with replace_file(layout.recipe) as file:
                tomli_w.dump(loaded.recipe.model_dump(exclude_none=True), file)
            work = Work(layout, loaded, fingerprint, client, progress)
            progress.target = loaded.recipe.rows
            progress.traffic = lambda: traffic_of(client)
            with _as_active(work):
                yield work
        finally:
            await client.aclose()


def open_client(request: RunRequest, loaded: LoadedRecipe) -> LLM:
    """Open what answers the run's requests."""
    settings = loaded.recipe.llm
    policy = CallPolicy(concurrency=settings.concurrency, timeout=settings.timeout, max_stall=settings.max_stall)
    recordings = loaded.folders.find(loaded.recipe.recording) if loaded.recipe.recording else None
    return open_llm(
        which_llm(request),
        model=request.model,
        policy=policy,
        record=Path(request.record) if request.record else None,
        recordings=recordings,
    )


def words(loaded: LoadedRecipe, llm: str, model: str) -> dict[str, Any]:
    """All that changes the words of a run, for its fingerprint."""
    recipe = loaded.recipe.model_dump(exclude=NOT_WORDS["recipe"])
    recipe["llm"] = {key: value for key, value in recipe["llm"].items() if key not in NOT_WORDS["llm"]}
    prompts = [prompt for source in loaded.sources for prompt in (source.prompt, source.brainstorm) if prompt]
    kind = llm.partition(":")[0]
    return {
        "recipe": recipe,
        "prompts": {prompt.name: prompt.fingerprint for prompt in prompts},
        "llm": {"kind": "http" if kind == "https" else kind, "model": model},
    }


@contextmanager
def _as_active(work: Work) -> Iterator[None]:
    token = _active.set(work)
    try:
        yield
    finally:
        _active.reset(token)
