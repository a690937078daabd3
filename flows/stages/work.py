"""One open run: its folder, recipe, client and counters, as the stages need them."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path

import tomli_w

from flows import garbage
from flows.errors import UsageError
from flows.index.index import Index
from flows.llm.meter import Budget, Meter
from flows.llm.open import preflight
from flows.llm.traffic import Traffic, sum_traffic, traffic_of
from flows.llm.types import LLM
from flows.recipes.draw import family_rows
from flows.recipes.load import LoadedRecipe, load_recipe
from flows.stages.benchmarks import with_benchmarks
from flows.stages.fanout import Supply
from flows.stages.models import open_clients, open_meter, words
from flows.stages.plan import Planning, stage_ids
from flows.stages.progress import Progress
from flows.stages.request import RunRequest
from flows.store.atomic import replace_file
from flows.store.layout import Layout
from flows.store.lock import locked
from flows.store.manifest import claim


@dataclass(frozen=True)
class Work:
    """One open run."""

    layout: Layout
    loaded: LoadedRecipe
    fingerprint: str
    clients: Mapping[str, LLM]
    """Name of the recipe's entry `[[llm]]` -> what answers for it."""
    progress: Progress = field(default_factory=Progress)
    meter: Meter = field(default_factory=lambda: Meter(Budget(), {}))
    index: Index | None = None
    """What earlier runs hold, when the run is to be compared with them."""
    request: RunRequest = field(default_factory=RunRequest)
    supply: Supply = field(default_factory=Supply)
    planning: Planning = field(default_factory=Planning)
    elsewhere: dict[int, Traffic] = field(default_factory=dict)
    """Process id of a worker -> the requests that it sent, as far as it has told."""

    @cached_property
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
    loaded = _load(request, request.seed)
    if not loaded.sources:
        raise UsageError(
            f"recipe {request.recipe}: has no families, so it writes no rows; `triplesmith curate` takes it"
        )
    out = request.out or f"outputs/{loaded.recipe.name}"
    if DAY in out:
        day = (today or datetime.now(UTC).date()).strftime("%Y%m%d")
        out = out.replace(DAY, day)
        if request.seed is None:
            loaded = _load(request, int(day) + loaded.recipe.seed)
    return loaded, Layout(Path(out))


def _load(request: RunRequest, seed: int | None) -> LoadedRecipe:
    """Load the recipe with the request's changes, its model included."""
    loaded = load_recipe(request.recipe, request.changes, rows=request.rows, seed=seed)
    curate = with_benchmarks(loaded.recipe.curate, request.benchmarks)
    loaded = replace(loaded, recipe=loaded.recipe.model_copy(update={"curate": curate}))
    if request.model is None:
        return loaded
    if len(loaded.recipe.llm) > 1:
        names = ", ".join(loaded.recipe.entries)
        raise UsageError(f"--model {request.model}: {request.recipe} names several models ({names}); change it there")
    llm = [loaded.recipe.llm[0].model_copy(update={"model": request.model})]
    return replace(loaded, recipe=loaded.recipe.model_copy(update={"llm": llm}))


@asynccontextmanager
async def open_work(request: RunRequest, progress: Progress) -> AsyncIterator[Work]:
    """Lock the run folder, open the models and check that the folder is this run's; raises TriplesmithError."""
    loaded, layout = read_request(request)
    index = Index(Path(request.index)) if request.index else None
    if index:
        semantic = loaded.recipe.curate.semantic
        index.check(semantic, stage_ids(layout, "generate") if semantic else ())
    with locked(layout):
        meter = open_meter(loaded, layout)
        clients = open_clients(request, loaded, layout, meter)
        try:
            for client in clients.values():
                await preflight(client)
            models = {name: client.model for name, client in clients.items()}
            fingerprint = claim(layout, words(loaded, request, models))
            with replace_file(layout.recipe) as file:
                tomli_w.dump(loaded.recipe.model_dump(exclude_none=True), file)
            work = Work(layout, loaded, fingerprint, clients, progress, meter, index, request)
            progress.target = loaded.recipe.rows
            progress.traffic = lambda: sum_traffic([*map(traffic_of, clients.values()), *work.elsewhere.values()])
            garbage.settle()
            with _as_active(work):
                yield work
        finally:
            for client in clients.values():
                await client.aclose()


@contextmanager
def _as_active(work: Work) -> Iterator[None]:
    token = _active.set(work)
    try:
        yield
    finally:
        _active.reset(token)
