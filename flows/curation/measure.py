"""Measure one row: all that the rules look at, without any threshold."""

from collections.abc import Callable, Sequence
from typing import Any

from rapidfuzz.fuzz import ratio

from flows.curation.language import count_letters, identify, script_share
from flows.curation.normalize import count_words
from flows.curation.signs import damage, leak, personal_data, refusal, repetition
from flows.curation.tokens import tokens
from flows.domain.languages import language
from flows.domain.records import Json, Row


def measure(row: Row) -> dict[str, Json]:
    """Give the measures of a row as JSON values, numbers rounded to four digits."""
    positives = [text.text for text in row.positives]
    negatives = [text.text for text in row.negatives]
    texts = [row.query, *positives, *negatives]
    words = {text: tokens(text) for text in texts}
    query = words[row.query]
    return {
        "words": {
            "query": [count_words(row.query, row.query_language)],
            "positives": [count_words(text, row.document_language) for text in positives],
            "negatives": [count_words(text, row.document_language) for text in negatives],
        },
        "query_language": _language(row.query, row.query_language),
        "document_language": _language(" ".join([*positives, *negatives]), row.document_language),
        "longest_copy": max((_longest_run(query, words[text]) for text in positives), default=0),
        "query_tokens": len(query),
        "overlap": max((_overlap(query, words[text]) for text in positives), default=0.0),
        "negative_like_positive": _closest(negatives, positives),
        "query_like_text": _closest([row.query], [*positives, *negatives]),
        "labels_in_query": [text for text in [*positives, *negatives] if _holds(query, words[text])],
        "refusal": _first(refusal, texts),
        "leak": _first(leak, texts),
        "damage": _first(damage, texts),
        "repetition": max(repetition(words[text], _gram(row, text)) for text in texts),
        "personal_data": [*sorted({kind for text in texts for kind in personal_data(text)})],
    }


def _gram(row: Row, text: str) -> int:
    """Tokens of an n-gram that no author repeats often: three words, or ten signs where tokens are signs."""
    code = row.query_language if text == row.query else row.document_language
    return 3 if language(code).spaced else 10


def _language(text: str, code: str) -> dict[str, Json]:
    letters = count_letters(text)
    detected, score = identify(text) if letters else ("", 0.0)
    return {
        "letters": letters,
        "script_share": script_share(text, language(code)),
        "detected": detected,
        "score": score,
    }


def _first(find: Callable[[str], str | None], texts: Sequence[str]) -> str | None:
    return next((found for text in texts if (found := find(text))), None)


def _closest(some: Sequence[str], others: Sequence[str]) -> float:
    """Highest character similarity (Indel, 0..1) between one of each."""
    return max((round(ratio(a, b) / 100, 4) for a in some for b in others), default=0.0)


def _overlap(query: Sequence[str], text: Sequence[str]) -> float:
    """Share of the query's words that occur in the text."""
    present = set(text)
    return round(sum(word in present for word in query) / len(query), 4) if query else 0.0


def _longest_run(query: Sequence[str], text: Sequence[str]) -> int:
    """Length in words of the longest run of the query that stands in the text word by word."""
    places: dict[Any, list[int]] = {}
    for place, word in enumerate(text):
        places.setdefault(word, []).append(place)
    best, ends = 0, dict[int, int]()
    for word in query:
        ends = {place: ends.get(place - 1, 0) + 1 for place in places.get(word, ())}
        best = max(best, *ends.values(), 0)
    return best


def _holds(text: Sequence[str], words: Sequence[str]) -> bool:
    """Whether the words stand in the text as one run."""
    return bool(words) and _longest_run(words, text) == len(words)
