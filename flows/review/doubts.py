"""Say what of a row is worth a second look, though no rule dropped it."""

from flows.curation.policy import CurationPolicy
from flows.curation.rules import RULES
from flows.domain.records import Row

STRICT = CurationPolicy(
    shortest=1.0,
    longest=1.0,
    slack_words=0,
    mixed_share=0.25,
    repetition=6.0,
    copied_query=0.5,
    negative_like_positive=0.85,
    personal_data=True,
)
"""Thresholds that a sound row keeps with ease; curation's own rather keep a weak row."""


def doubts(row: Row) -> list[str]:
    """Give name and sentence of every rule that the row's measures break under strict thresholds."""
    found = ((name, rule(row, row.measured, STRICT)) for name, rule in RULES.items())
    return [f"{name.replace('_', ' ')} · {detail}" for name, detail in found if detail]
