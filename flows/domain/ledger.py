"""The account of a run: for every stage, in + created = out + what was dropped, by reason."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields


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


@dataclass(frozen=True, slots=True)
class ModelAccount:
    """What one model was asked for, gave and cost over all stages, in units of the generate stage and rows."""

    name: str
    """Name of its entry in the recipe, or the model's own."""
    model: str
    """Name of the model at its endpoint."""
    asked: int = 0
    """Rows asked for: asked = accepted + Σ dropped."""
    accepted: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Reason -> rows, of the generate and the curate stage."""
    requests: int = 0
    """Calls answered, those for task lists and second ones included."""
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float | None = None
    """US dollars; None for a model without a price."""

    def to_json(self) -> dict[str, object]:
        """Give the account as JSON-native values."""
        return {**{entry.name: getattr(self, entry.name) for entry in fields(self)}, "dropped": dict(self.dropped)}


@dataclass(frozen=True, slots=True)
class BenchmarkAccount:
    """What curation found of one benchmark."""

    name: str
    queries: int
    """Queries of the benchmark."""
    documents: int
    dropped: int
    """Rows that went because they hold something of it."""

    @property
    def statement(self) -> str:
        """What may be said of a model that is trained on the rows that stay."""
        return (
            f"zero-shot on {self.name} as far as words tell: no row holds, copies or quotes at length one of its "
            f"{self.queries} queries and {self.documents} documents; {self.dropped} rows that did were dropped"
        )

    def to_json(self) -> dict[str, object]:
        """Give the account under the names of ledger.json."""
        return {**asdict(self), "statement": self.statement}


def total(name: str, tallies: Iterable[StageTally]) -> StageTally:
    """Add the tallies of a stage's shards."""
    entered = created = out = 0
    dropped: Counter[str] = Counter()
    for tally in tallies:
        entered, created, out = entered + tally.entered, created + tally.created, out + tally.out
        dropped.update(tally.dropped)
    return StageTally(name, entered, created, out, dict(dropped))
