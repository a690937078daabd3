"""The account of a run: for every stage, in + created = out + what was dropped, by reason."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StageTally:
    """What one stage took in, made, gave out and dropped, in rows."""

    name: str
    entered: int = 0
    created: int = 0
    out: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Reason -> count."""

    @property
    def balanced(self) -> bool:
        """Whether nothing vanished and nothing came from nowhere."""
        return self.entered + self.created == self.out + sum(self.dropped.values())

    @property
    def by_reason(self) -> dict[str, int]:
        """What was dropped, the most frequent reason first."""
        return dict(sorted(self.dropped.items(), key=lambda item: (-item[1], item[0])))

    def to_json(self) -> dict[str, object]:
        """Give the tally under the names of ledger.json."""
        return {
            "name": self.name,
            "in": self.entered,
            "created": self.created,
            "out": self.out,
            "dropped": self.by_reason,
        }


def total(name: str, tallies: Iterable[StageTally]) -> StageTally:
    """Add the tallies of a stage's shards."""
    entered = created = out = 0
    dropped: Counter[str] = Counter()
    for tally in tallies:
        entered, created, out = entered + tally.entered, created + tally.created, out + tally.out
        dropped.update(tally.dropped)
    return StageTally(name, entered, created, out, dict(dropped))
