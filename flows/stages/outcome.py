"""How units ended, and what that comes to for their shard."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flows.domain.units import Dropped, Unit
from flows.llm.types import Completion
from flows.store.shards import ModelTally, ShardTally


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one unit ended."""

    made: tuple[Any, ...]
    """What its answer gave."""
    dropped: Dropped | None
    calls: tuple[tuple[float | None, int, int], ...]
    """For each reply when it came (Unix time), and the tokens read and written."""


def outcome_of(made: tuple[Any, ...], dropped: Dropped | None, calls: Sequence[Completion]) -> Outcome:
    """Keep of the replies what the shard's tally needs."""
    return Outcome(made, dropped, tuple([(call.at, call.tokens_in, call.tokens_out) for call in calls]))


def add_up(outcomes: Iterable[tuple[Unit, Outcome]]) -> ShardTally:
    """Give the tally of a shard."""
    units = out = 0
    requests: Counter[str] = Counter()
    replies: Counter[str] = Counter()
    written: Counter[str] = Counter()
    by_model: dict[str, Counter[str]] = {}
    dropped: dict[str, Counter[str]] = {}
    for unit, outcome in outcomes:
        units += 1
        out += len(outcome.made)
        # a unit that was refused without a reply was a request all the same
        asked = max(1, len(outcome.calls))
        requests[unit.family] += asked
        model = by_model.setdefault(unit.model, Counter())
        model["asked"] += 1
        model["requests"] += asked
        if outcome.dropped:
            dropped.setdefault(unit.model, Counter())[outcome.dropped.reason] += 1
        else:
            model["out"] += 1
        for at, tokens_in, tokens_out in outcome.calls:
            model["tokens_in"] += tokens_in
            model["tokens_out"] += tokens_out
            if at is not None:
                replies[second := str(int(at))] += 1
                written[second] += tokens_out
    models = {name: ModelTally(dropped=dict(dropped.get(name, {})), **counts) for name, counts in by_model.items()}
    reasons = sum(dropped.values(), Counter[str]())
    pace = {second: (count, written[second]) for second, count in replies.items()}
    return ShardTally(units, out, dict(reasons), dict(requests), models, pace)
