"""Which benchmarks rows are kept clear of, and what counts as a leak."""

from dataclasses import dataclass
from typing import ClassVar

LEAST_NEAR = 0.7
"""Similarities below are not searched for, so that a threshold above decides without searching again."""


@dataclass(frozen=True, slots=True)
class BenchmarkSource:
    """A benchmark that the user points at."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    path: str
    """BEIR or MTEB folder, data file, or data set on the Hub."""
    name: str = ""
    """What it is called in ledger and card; the last part of the path when empty."""

    @property
    def called(self) -> str:
        """Its name."""
        return self.name or self.path.rstrip("/").rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class LeakPolicy:
    """What of a benchmark a row may not hold; raises ValueError on a value out of range."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    grams_13: int = 1
    """Runs of 13 words shared with a benchmark from which a text is a leak (as for GPT-3, arXiv 2005.14165)."""
    grams_8: float = 0.7
    """Share of a text's runs of 8 words from which it is (as for PaLM, arXiv 2204.02311); a text has three at least."""
    near: float = 0.9
    """ROUGE-L F1 from which a query repeats one of a benchmark; at least 0.7."""
    cosine: float = 0.95
    """Cosine from which it means what one of them means, with an encoder (`curate.semantic`) alone; at least 0.7."""
    common: int = 10
    """Texts of a benchmark in which a run of words may stand; one in more is a turn of phrase and does not count."""
    allow: tuple[str, ...] = ()
    """Phrases that do not count: a run of words half of which are in them is passed over."""

    def __post_init__(self) -> None:
        for name in ("grams_13", "common"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not 0 < self.grams_8 <= 1:
            raise ValueError(f"grams_8 must be above 0 and at most 1, not {self.grams_8}")
        for name in ("near", "cosine"):
            if not LEAST_NEAR <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be between {LEAST_NEAR} and 1, not {getattr(self, name)}")
