"""Every threshold of curation, as the recipe's table `[curate]` sets it."""

from dataclasses import dataclass, fields
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class CurationPolicy:
    """Thresholds of the rules; raises ValueError on one out of range."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    off: tuple[str, ...] = ()
    """Names of rules that are not applied."""
    shortest: float = 0.5
    """A text may have this part of the least words asked for: models count badly."""
    longest: float = 2.5
    """A text may have this many times the most words asked for."""
    slack_words: int = 2
    """Words by which a text may always miss its length."""
    script_share: float = 0.5
    """Least share of a text's letters in a script of its language; names, code and loanwords are foreign."""
    language_confidence: float = 0.8
    """Least confidence with which another language must be identified for a text to be in the wrong one."""
    language_letters: int = 40
    """Letters below which nothing is identified; a sign of Chinese or Japanese counts as three."""
    copied_query: float = 0.8
    """Share of the query's words that stand in the positive as one verbatim run."""
    copied_query_words: int = 5
    """Queries of fewer words may well stand in a good answer."""
    negative_like_positive: float = 0.9
    """Character similarity from which a negative is a positive in disguise."""
    query_like_text: float = 0.95
    """Character similarity from which a positive or negative repeats the query."""
    repetition: float = 0.4
    """Largest share of a text's n-grams (three words, or ten signs without spaces) that may repeat earlier ones."""
    near_query: float = 0.9
    """ROUGE-L F1 from which a query repeats an earlier one of its family and language."""
    personal_data: bool = False
    """Whether rows with e-mail addresses, phone numbers or keys are dropped; they are flagged in any case."""

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, bool | tuple):
                continue
            if value < 0:
                raise ValueError(f"{entry.name} must not be negative, not {value}")
            if entry.name not in UNBOUNDED and value > 1:
                raise ValueError(f"{entry.name} must be at most 1, not {value}")


UNBOUNDED = {"longest", "slack_words", "language_letters", "copied_query_words"}
