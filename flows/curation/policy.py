"""Every threshold of curation, as the recipe's table `[curate]` sets it."""

from dataclasses import dataclass, field, fields
from typing import ClassVar

from flows.curation.leak_policy import BenchmarkSource, LeakPolicy
from flows.curation.near.policy import NearPolicy
from flows.curation.semantic import SemanticPolicy

RULE_NAMES = (
    "empty_text",
    "encoding",
    "refusal",
    "leaked_instruction",
    "repetition",
    "wrong_script",
    "wrong_language",
    "mixed_language",
    "too_short",
    "too_long",
    "query_equals_text",
    "query_in_positive",
    "negative_equals_positive",
    "negative_scores_high",
    "label_in_input",
    "scores_out_of_order",
    "personal_data",
)
"""The rules, in the order in which they are applied: the first to fail gives the reason in the ledger."""
SHARED_QUERY = "shared_query"
"""The rule on rows together that may be off too; what repeats others is a matter of `near`."""


@dataclass(frozen=True, slots=True)
class CurationPolicy:
    """Thresholds of the rules; raises ValueError on one out of range.

    The defaults would rather keep a weak row than drop a sound one.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    off: tuple[str, ...] = ()
    """Names of rules that are not applied."""
    damage: float = 0.01
    """Most broken characters per word; one is enough in a short text, a long one may quote one."""
    script_share: float = 0.25
    """Least share of a text's words in a script of its language; names, code and loanwords are foreign."""
    language_confidence: float = 0.8
    """Least probability with which a window must be found to be in another language."""
    language_words: float = 8.0
    """Words, counted from letters, below which a text is judged by neither: it may be a name."""
    wrong_share: float = 0.75
    """Share of a text's windows in another language from which it is in the wrong one."""
    mixed_share: float = 0.5
    """Share of them from which it is mixed."""
    shortest: float = 0.5
    """A text may have this part of the least words asked for: models count badly."""
    longest: float = 2.5
    """A text may have this many times the most words asked for."""
    slack_words: int = 2
    """Words by which a text may always miss its length."""
    repetition: float = 10.0
    """How many times smaller a text, or its second half, may become by compression; prose gets 2 to 4, logs 6."""
    loops: float = 4.0
    """How many times over a text of three different words or fewer may say them."""
    copied_query: float = 0.8
    """Share of the query that stands in a positive in verbatim runs of six words or more."""
    query_like_text: float = 0.95
    """Character similarity from which a long positive or negative repeats the query; a short one must equal it."""
    negative_like_positive: float = 0.98
    """Character similarity from which a long negative is a positive in disguise; a short one must equal it."""
    long_text: int = 20
    """Words from which similarity is judged: below, and in graded pairs, one letter can turn the meaning."""
    negative_score: float = 1.0
    """A mined negative scores less than this part of what the weakest positive scores, by every scorer of both."""
    label_families: tuple[str, ...] = ("long_short",)
    """Families whose texts are labels, where the row itself does not say so."""
    label_letters: int = 4
    """Letters below which a label may stand in the text by chance (`no`, `IT`); a Chinese sign counts as two."""
    near: tuple[NearPolicy, ...] = (NearPolicy("rouge_l", 0.9, compare="query"),)
    """From which similarity, by which measure, of which of their texts two rows of a family repeat each other."""
    semantic: SemanticPolicy | None = None
    """By which vectors two rows of a family that share few words repeat each other all the same."""
    benchmarks: tuple[BenchmarkSource, ...] = ()
    """What rows are kept clear of."""
    leaks: LeakPolicy = field(default_factory=LeakPolicy)
    """What of a benchmark a row may not hold."""
    personal_data: bool = False
    """Whether rows with e-mail addresses, phone numbers or keys are dropped; they are flagged in any case."""

    def __post_init__(self) -> None:
        known = (*RULE_NAMES, SHARED_QUERY)
        if unknown := sorted({*self.off} - {*known}):
            raise ValueError(f"off: no rule is called {', '.join(unknown)}; there are {', '.join(known)}")
        if any(policy.compare == "task" for policy in self.near):
            raise ValueError("near: rows of one task are no copies; brainstorm.near_duplicate is for tasks")
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            if value < 0:
                raise ValueError(f"{entry.name} must not be negative, not {value}")
            if entry.name not in UNBOUNDED and value > 1:
                raise ValueError(f"{entry.name} must be at most 1, not {value}")


UNBOUNDED = frozenset({"language_words", "longest", "slack_words", "repetition", "loops", "long_text", "label_letters"})
"""Thresholds that are no share."""
