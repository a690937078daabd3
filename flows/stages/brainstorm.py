"""Invent tasks: shards of task lists, their fold into one list without twins, rounds until there are enough."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from flows.curation.near import NearPolicy, near_twins
from flows.domain.ledger import StageTally
from flows.domain.units import Dropped, Unit
from flows.prompting.ask import Answer
from flows.prompting.prompt import Prompt
from flows.recipes.draw import brainstorm_units
from flows.stages import generate
from flows.stages.asking import run_shard
from flows.stages.plan import Ask, Round, read_rounds, stage_ids, write_round
from flows.stages.work import Work
from flows.store.jsonio import read_lines, write_lines
from flows.store.shards import ShardTally, read_dropped

STAGE: Final = "brainstorm"
MOST_WORDS = 60
"""A longer task sentence is a paragraph of chatter."""


@dataclass(frozen=True, slots=True)
class Task:
    """One task sentence."""

    family: str
    task: str
    id: str
    """Key of the unit that listed it, and its place in the list."""


@dataclass(frozen=True, slots=True)
class TaskList:
    """The tasks of a run so far."""

    tasks: Mapping[str, tuple[str, ...]]
    """Family -> task sentences, in the order in which they were invented."""
    wanted: Mapping[str, int]
    """Family -> tasks that its rows need."""
    tally: StageTally
    stale: Mapping[str, float] = field(default_factory=dict)
    """Family whose last lists held too little that was new -> share of it; it is asked for no more."""

    @property
    def short(self) -> dict[str, int]:
        """Family -> tasks that are still missing and worth asking for."""
        return {family: count for family, count in self._missing.items() if family not in self.stale}

    @property
    def warnings(self) -> list[str]:
        """Say which families have fewer tasks than wanted since further lists would repeat them."""
        return [
            f"{family}: brainstorming stopped at {len(self.tasks[family])} of {self.wanted[family]} tasks, since only "
            f"{share:.0%} of those last listed were new (brainstorm.least_new); rows share the tasks there are"
            for family, share in self.stale.items()
            if family in self._missing
        ]

    @property
    def _missing(self) -> dict[str, int]:
        return {f: n - len(self.tasks[f]) for f, n in self.wanted.items() if n > len(self.tasks[f])}


def wanted_tasks(work: Work) -> dict[str, int]:
    """Tasks that a run's rows need, by family that brainstorms."""
    return {
        source.name: math.ceil(work.rows[source.name] / source.family.rows_per_task)
        for source in work.loaded.sources
        if source.brainstorm and work.rows[source.name]
    }


def plan_round(work: Work, short: Mapping[str, int]) -> Round | None:
    """Plan as many lists as the missing tasks need; None when the cap on lists is reached."""
    recipe = work.loaded.recipe
    asked = asked_lists(work)
    asks: list[Ask] = []
    for family, missing in short.items():
        least = math.ceil(wanted_tasks(work)[family] / recipe.brainstorm.tasks_per_request)
        left = 1 + math.ceil(recipe.limits.requests_per_row * least) - asked[family]
        count = min(left, math.ceil(missing / recipe.brainstorm.tasks_per_request))
        units = brainstorm_units(work.loaded, work.loaded.source(family), asked[family], count)
        asks += [Ask(unit) for unit in units]
    return write_round(work.layout, STAGE, asks, shard_units=recipe.shard_units, rows=recipe.rows) if asks else None


def asked_lists(work: Work) -> Counter[str]:
    """Lists asked for so far, by family."""
    asked: Counter[str] = Counter()
    for planned in read_rounds(work.layout, STAGE):
        for shard in planned.numbers:
            asked.update(data["unit"]["family"] for data in read_lines(work.layout.plan(STAGE, shard)))
    return asked


async def brainstorm_shard(work: Work, shard: int) -> ShardTally:
    """Ask for the task lists of one planned shard and seal their tasks."""

    def tasks(unit: Unit, key: str, prompt: Prompt, answer: Answer) -> Iterator[Task]:
        listed = answer.fields[prompt.reply[0].name]
        return (Task(unit.family, task, f"{key}.{place}") for place, task in enumerate(listed))

    return await run_shard(work, STAGE, shard, _prompt_of(work), tasks)


def fold(work: Work) -> TaskList:
    """Make one list of the tasks of all shards and write it down: without twins of earlier runs' tasks and of its own.

    An earlier task wins over its later twins.
    """
    shards = [shard for planned in read_rounds(work.layout, STAGE) for shard in planned.numbers]
    listed = [Task(**data) for shard in shards for data in read_lines(work.layout.rows(STAGE, shard))]
    dropped = [_too_long(task) for task in listed if len(task.task.split()) > MOST_WORDS]
    tasks = [task for task in listed if len(task.task.split()) <= MOST_WORDS]
    policy = NearPolicy("rouge_l", work.loaded.recipe.brainstorm.near_duplicate, compare="task")
    known = _known(work, tasks, policy)
    dropped += known
    passed = {entry.id for entry in known}
    tasks = [task for task in tasks if task.id not in passed]
    groups = [task.family for task in tasks]
    twins = near_twins((task.task for task in tasks), policy, keys=range(len(tasks)), groups=groups)
    kept: dict[str, list[Task]] = defaultdict(list)
    for task, twin in zip(tasks, twins, strict=True):
        if twin is None:
            kept[task.family].append(task)
        else:
            detail = f"{twin.similarity:.2f} like {tasks[twin.index].task!r}"
            dropped.append(Dropped(task.id, "near_duplicate", detail, asdict(task)))
    families = sorted(wanted_tasks(work))
    write_lines(work.layout.stage(STAGE) / "dropped-tasks.jsonl", dropped)
    write_lines(_list(work), (task for family in families for task in kept[family]))
    unread = list(read_dropped(work.layout, STAGE, shards))
    reasons = Counter(entry.reason for entry in [*dropped, *unread])
    tally = StageTally(STAGE, created=len(listed) + len(unread), out=sum(map(len, kept.values())), dropped=reasons)
    chosen = {family: tuple(task.task for task in kept[family]) for family in families}
    return TaskList(chosen, wanted_tasks(work), tally, _stale(work, kept))


def _stale(work: Work, kept: Mapping[str, Sequence[Task]]) -> dict[str, float]:
    """Find the families of whose last round's tasks too few were new; a round of less than a list tells nothing.

    A family without any task is none of them: it may be that an earlier run had all of its first list.
    """
    settings = work.loaded.recipe.brainstorm
    rounds = read_rounds(work.layout, STAGE)
    shards = rounds[-1].numbers if rounds else ()
    last = [Task(**data) for shard in shards for data in read_lines(work.layout.rows(STAGE, shard))]
    listed = Counter(task.family for task in last)
    new = {task.id for tasks in kept.values() for task in tasks}
    fresh = Counter(task.family for task in last if task.id in new)
    shares = {family: fresh[family] / count for family, count in listed.items() if count >= settings.tasks_per_request}
    return {
        family: share for family, share in sorted(shares.items()) if share < settings.least_new and kept.get(family)
    }


def read_tasks(work: Work) -> list[Task]:
    """Read the list that `fold` wrote; empty before."""
    return [Task(**data) for data in read_lines(_list(work))] if _list(work).exists() else []


def own_ids(work: Work) -> set[str]:
    """Give the ids of all tasks and rows of the run: an index built from published data has tasks under ids of rows."""
    return stage_ids(work.layout, STAGE) | stage_ids(work.layout, generate.STAGE)


def _known(work: Work, tasks: Sequence[Task], policy: NearPolicy) -> list[Dropped]:
    """Find the tasks that earlier runs had; those of this run in the index have passed it already."""
    if work.index is None:
        return []
    own = own_ids(work)
    settled = work.index.held(policy.compare, own)
    fresh = [task for task in tasks if task.id not in settled]
    known = work.index.find((task.task for task in fresh), policy, (task.family for task in fresh), own)
    return [
        Dropped(task.id, "known_duplicate", f"{twin.similarity:.2f} like {twin.words!r} of {twin.id}", asdict(task))
        for task, twin in zip(fresh, known, strict=True)
        if twin
    ]


def _list(work: Work) -> Path:
    return work.layout.stage(STAGE) / "tasks.jsonl"


def _too_long(task: Task) -> Dropped:
    return Dropped(task.id, "too_long", f"{len(task.task.split())} words, at most {MOST_WORDS}", asdict(task))


def _prompt_of(work: Work) -> Callable[[Unit], Prompt]:
    def prompt(unit: Unit) -> Prompt:
        brainstorm = work.loaded.source(unit.family).brainstorm
        assert brainstorm is not None, "only families with a brainstorming prompt are planned"
        return brainstorm

    return prompt
