"""Decide on one row: named rules with thresholds, in a fixed order; the first that fails gives the reason."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flows.curation.language import may_be
from flows.curation.policy import CurationPolicy
from flows.domain.records import Row


@dataclass(frozen=True, slots=True)
class Verdict:
    """Keep a row, or drop it for a reason."""

    reason: str | None = None
    """Name of the rule that failed; None keeps the row."""
    detail: str = ""
    """The measured value and the threshold, for a person."""

    @property
    def keep(self) -> bool:
        """Whether the row stays."""
        return self.reason is None


Measured = Mapping[str, Any]
Rule = Callable[[Row, Measured, CurationPolicy], str | None]
"""Gives what is wrong with the row, or None."""


def decide(row: Row, measured: Measured, policy: CurationPolicy) -> Verdict:
    """Apply the rules to the measures of a row."""
    for name, rule in RULES.items():
        if name not in policy.off and (detail := rule(row, measured, policy)):
            return Verdict(name, detail)
    return Verdict()


def _encoding(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    return f"broken characters {measured['damage']}" if measured["damage"] else None


def _refusal(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    return f"opens with {measured['refusal']!r}" if measured["refusal"] else None


def _leaked_instruction(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    return f"holds {measured['leak']!r}" if measured["leak"] else None


def _repetition(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    share = measured["repetition"]
    return f"{share:.0%} of the n-grams repeat, at most {policy.repetition:.0%}" if share > policy.repetition else None


def _wrong_script(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    for side, code in _sides(row):
        share = measured[side]["script_share"]
        if share < policy.script_share:
            return f"{share:.0%} of the letters are in a script of {code}, at least {policy.script_share:.0%}"
    return None


def _wrong_language(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    for side, code in _sides(row):
        found = measured[side]
        enough = found["letters"] >= policy.language_letters and found["score"] >= policy.language_confidence
        if enough and not may_be(code, found["detected"]):
            return f"{side} should be {code}, is {found['detected']} with confidence {found['score']:.2f}"
    return None


def _sides(row: Row) -> Iterator[tuple[str, str]]:
    yield "query_language", row.query_language
    yield "document_language", row.document_language


def _too_short(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    for column, low, _ in _asked(row):
        for words in measured["words"][column]:
            if words < policy.shortest * low - policy.slack_words:
                return f"{column}: {words} words, {low} asked for"
    return None


def _too_long(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    for column, _, high in _asked(row):
        for words in measured["words"][column]:
            if high is not None and words > policy.longest * high + policy.slack_words:
                return f"{column}: {words} words, at most {high} asked for"
    return None


def _asked(row: Row) -> Iterator[tuple[str, int, int | None]]:
    asked: Any = row.requested.get("words") or {}
    for column, bounds in asked.items():
        yield column, bounds[0], bounds[1]


def _query_in_positive(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    # a translation or paraphrase is meant to repeat what is said
    if row.symmetric or measured["query_tokens"] < policy.copied_query_words:
        return None
    share = measured["longest_copy"] / measured["query_tokens"]
    most = policy.copied_query
    return f"{share:.0%} of the query stands in the positive, below {most:.0%} wanted" if share >= most else None


def _query_equals_text(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    like = measured["query_like_text"]
    return f"query and a document are alike by {like:.2f}" if like >= policy.query_like_text else None


def _negative_equals_positive(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    like = measured["negative_like_positive"]
    limit = policy.negative_like_positive
    return f"alike by {like:.2f}, below {limit:.2f} wanted" if like >= limit else None


def _label_in_input(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    if row.requested.get("labels") and measured["labels_in_query"]:
        return f"the text names {measured['labels_in_query'][0]!r}"
    return None


def _scores_out_of_order(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    positives = [text.grade for text in row.positives if text.grade is not None]
    negatives = [text.grade for text in row.negatives if text.grade is not None]
    if positives and negatives and min(positives) <= max(negatives):
        return f"a positive of grade {min(positives):g} beside a negative of grade {max(negatives):g}"
    return None


def _personal_data(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    kinds = measured["personal_data"]
    return f"holds {', '.join(kinds)}" if policy.personal_data and kinds else None


RULES: dict[str, Rule] = {
    "encoding": _encoding,
    "refusal": _refusal,
    "leaked_instruction": _leaked_instruction,
    "repetition": _repetition,
    "wrong_script": _wrong_script,
    "wrong_language": _wrong_language,
    "too_short": _too_short,
    "too_long": _too_long,
    "query_equals_text": _query_equals_text,
    "query_in_positive": _query_in_positive,
    "negative_equals_positive": _negative_equals_positive,
    "label_in_input": _label_in_input,
    "scores_out_of_order": _scores_out_of_order,
    "personal_data": _personal_data,
}
"""Reason -> rule, in the order in which they are applied."""
