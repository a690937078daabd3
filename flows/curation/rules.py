"""Decide on one row: named rules with thresholds, in a fixed order; the first that fails gives the reason."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.curation.language import contradicts
from flows.curation.policy import CurationPolicy
from flows.domain.languages import language
from flows.domain.records import Row, Text


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


def _empty_text(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    if not row.positives:
        return "no positive"
    return f"{', '.join(measured['empty'])}: no letter, digit or symbol" if measured["empty"] else None


def _encoding(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    if measured["surrogates"]:
        return f"{measured['surrogates']} halves of characters, none allowed"
    for column, place, broken in _texts(measured["damage"]):
        share = broken / max(measured["words"][column][place], 1)
        if share > policy.damage:
            return f"{column}: {broken} broken characters, {share:.3f} per word, at most {policy.damage:g}"
    return None


def _refusal(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    return f"opens with {measured['refusal']!r}" if measured["refusal"] else None


def _leaked_instruction(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    return f"holds {measured['leak']!r}" if measured["leak"] else None


def _wrong_script(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    for column, place, share in _texts(measured["scripts"]):
        if share < policy.script_share and measured["script_words"][column][place] >= policy.language_words:
            code = _asked_language(row, column)
            return f"{column}: {share:.0%} of the words in a script of {code}, at least {policy.script_share:.0%}"
    return None


def _wrong_language(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    for column, codes, share in _foreign(row, measured, policy):
        if share >= policy.wrong_share:
            return f"{column}: {share:.0%} in {codes}, below {policy.wrong_share:.0%} wanted"
    return None


def _mixed_language(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    for column, codes, share in _foreign(row, measured, policy):
        if share >= policy.mixed_share:
            return f"{column}: {share:.0%} in {codes}, below {policy.mixed_share:.0%} wanted"
    return None


def _foreign(row: Row, measured: Measured, policy: CurationPolicy) -> Iterator[tuple[str, str, float]]:
    """Yield column, languages and share of windows of each text that is partly in another language."""
    for column, _, windows in _texts(measured["languages"]):
        asked = _asked_language(row, column)
        foreign = [
            code
            for code, score, words in windows
            if score >= policy.language_confidence and words >= policy.language_words and contradicts(asked, code)
        ]
        if foreign:
            yield column, f"{'/'.join(sorted(set(foreign)))} instead of {asked}", len(foreign) / len(windows)


def _asked_language(row: Row, column: str) -> str:
    return row.query_language if column == "query" else row.document_language


def _texts(columns: Mapping[str, Sequence[Any]]) -> Iterator[tuple[str, int, Any]]:
    """Yield column, place and value of what was measured text by text."""
    for column, found in columns.items():
        for place, value in enumerate(found):
            yield column, place, value


def _too_short(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    for column, low, _ in _asked_lengths(row):
        least = policy.shortest * low - policy.slack_words
        for words in measured["words"][column]:
            if words < least:
                return f"{column}: {words} words, {low} asked for, at least {least:g} wanted"
    return None


def _too_long(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    for column, _, high in _asked_lengths(row):
        if high is None:
            continue
        most = policy.longest * high + policy.slack_words
        for words in measured["words"][column]:
            if words > most:
                return f"{column}: {words} words, at most {high} asked for, at most {most:g} wanted"
    return None


def _asked_lengths(row: Row) -> Iterator[tuple[str, int, int | None]]:
    asked: Any = row.requested.get("words") or {}
    for column, bounds in asked.items():
        yield column, bounds[0] or 0, bounds[1]


def _repetition(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    for column, _, times in _texts(measured["repetition"]):
        if times >= policy.repetition:
            return f"{column}: compresses {times:g} times, below {policy.repetition:g} wanted"
    for column, _, times in _texts(measured["loops"]):
        if times >= policy.loops:
            return f"{column}: says the same words {times:g} times over, below {policy.loops:g} wanted"
    return None


def _query_equals_text(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    like = measured["query_like_text"]
    limit = policy.query_like_text if _judged(row, measured["words"]["query"][0], policy) else 1.0
    return f"query and a document alike by {like:g}, below {limit:g} wanted" if like >= limit else None


def _query_in_positive(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    # a paraphrase is meant to repeat what is said
    share = 0.0 if row.symmetric else measured["copied"]
    most = policy.copied_query
    return f"{share:.0%} of the query copied in the positive, below {most:.0%} wanted" if share >= most else None


def _negative_equals_positive(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    for words, like in zip(measured["words"]["negatives"], measured["negative_copies"], strict=True):
        limit = policy.negative_like_positive if _judged(row, words, policy) else 1.0
        if like >= limit:
            return f"alike by {like:g}, below {limit:g} wanted"
    return None


def _judged(row: Row, words: int, policy: CurationPolicy) -> bool:
    """Whether near-equality is a fault: graded pairs and short texts may differ by one letter that matters."""
    return not row.symmetric and words >= policy.long_text


def _negative_scores_high(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    # what the model wrote as a negative is meant to score high
    mined = [text for text in row.negatives if text.origin != "llm"]
    for scorer in sorted({name for text in mined for name in text.scores} - {"requested"}):
        positives = _scores(row.positives, scorer)
        limit = policy.negative_score * min(positives, default=float("inf"))
        highest = max(_scores(mined, scorer))
        if highest >= limit:
            return f"a negative scores {highest:.4g} by {scorer}, below {limit:.4g} wanted"
    return None


def _scores(texts: Sequence[Text], scorer: str) -> list[float]:
    return [text.scores[scorer] for text in texts if scorer in text.scores]


def _label_in_input(row: Row, measured: Measured, policy: CurationPolicy) -> str | None:
    if not row.requested.get("labels", row.family in policy.label_families):
        return None
    per_sign = 1 if language(row.query_language).spaced else 2
    for label in measured["labels_in_query"]:
        if len(label) * per_sign >= policy.label_letters:
            return f"the text names {label!r}"
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
    "empty_text": _empty_text,
    "encoding": _encoding,
    "refusal": _refusal,
    "leaked_instruction": _leaked_instruction,
    "repetition": _repetition,
    "wrong_script": _wrong_script,
    "wrong_language": _wrong_language,
    "mixed_language": _mixed_language,
    "too_short": _too_short,
    "too_long": _too_long,
    "query_equals_text": _query_equals_text,
    "query_in_positive": _query_in_positive,
    "negative_equals_positive": _negative_equals_positive,
    "negative_scores_high": _negative_scores_high,
    "label_in_input": _label_in_input,
    "scores_out_of_order": _scores_out_of_order,
    "personal_data": _personal_data,
}
"""Reason -> rule, in the order of `RULE_NAMES`."""
