"""Measure one row: all that the rules look at, without any threshold."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeAlias, TypeVar

from rapidfuzz.distance import Indel

from flows.curation.chatter import leak, parameters, refusal
from flows.curation.language import Window, identify, script_share, survey
from flows.curation.normalize import count_words, fold_text, unit_count, units
from flows.curation.signs import damage, loops, personal_data, repetition, surrogates
from flows.domain.languages import UNDETERMINED, language
from flows.domain.records import Json, Row

COPY_WORDS = 6
"""Words of a run that is a copy: shorter ones occur in any two texts on one subject."""
TASK_WORDS = 6
"""Words from which a task sentence that stands in a text is no accident."""
ALIKE = 0.8
"""Similarities of query and document below are given as 0, which saves their cost."""
SHOWN = 80
"""Characters of a text that are kept to show what was found."""
NUMBER = re.compile(r"\d+")

VERSION = 2
"""Version of the measures: to be raised with every change of what `measure` gives for the same row."""

BATCH = 256
"""Rows whose languages are found together."""

T = TypeVar("T")
Survey: TypeAlias = tuple[list[Window], dict[str, float]]
Columns: TypeAlias = dict[str, list[T]]
"""Column (query, positives, negatives) -> one value for each of its texts."""


def measure_all(rows: Iterable[Row]) -> Iterator[dict[str, Json]]:
    """Yield the measures of rows, as `measure` gives them.

    Many rows' languages are found one after the other before the rest is measured: the model stays in the processor's
    cache, which makes it several times as fast.
    """
    source = iter(rows)
    while batch := list(islice(source, BATCH)):
        texts = [_texts_of(row) for row in batch]
        surveys = [_each(survey, columns) for columns in texts]
        yield from map(_measure, batch, texts, surveys)


def measure(row: Row) -> dict[str, Json]:
    """Give the measures of a row as JSON values, numbers rounded to four digits at most.

    What is measured text by text is given as `{column: [value, …]}`, in the order of the row. `negative_copies` holds
    how like a positive each negative is, 0 where the two give other numbers; `identified` the languages of query and
    documents where the row does not know them.
    """
    texts = _texts_of(row)
    return _measure(row, texts, _each(survey, texts))


def _texts_of(row: Row) -> Columns[str]:
    return {
        "query": [row.query],
        "positives": [text.text for text in row.positives],
        "negatives": [text.text for text in row.negatives],
    }


def _measure(row: Row, texts: Columns[str], surveys: Columns[Survey]) -> dict[str, Json]:
    folded = _each(fold_text, texts)
    query, positives, negatives = folded["query"][0], folded["positives"], folded["negatives"]
    known = (row.query_language, row.document_language)
    identified = _identified(row, surveys)
    row = row.in_languages(*identified)
    codes = {"query": row.query_language, "positives": row.document_language, "negatives": row.document_language}
    everything = [text for found in texts.values() for text in found]
    copied, overlap = _copied(query, positives, row)
    likeness = [_closest(text, positives) for text in negatives]
    measured: dict[str, Any] = {
        "words": {column: [count_words(text, codes[column]) for text in found] for column, found in texts.items()},
        "languages": _each(lambda found: [[seen.code, seen.score, seen.words] for seen in found[0]], surveys),
        "scripts": {column: [script_share(found[1], codes[column]) for found in surveys[column]] for column in texts},
        "script_words": _each(lambda found: round(sum(found[1].values()), 1), surveys),
        "empty": [column for column, found in folded.items() if not all(found)],
        "damage": _each(damage, texts),
        "surrogates": sum(map(surrogates, everything)),
        "repetition": _each(repetition, texts),
        "loops": {column: [loops(units(text, codes[column])) for text in found] for column, found in folded.items()},
        "refusal": _first(refusal, everything),
        "leak": _first(lambda text: leak(text, row.requested), everything) or _leaked_request(row, folded),
        "personal_data": personal_data(everything),
        "overlap": overlap,
        "copied": copied,
        "query_like_text": max((_alike(query, text, ALIKE) for text in positives + negatives), default=0.0),
        "negative_like_positive": max((like for like, _ in likeness), default=0.0),
        "negative_copies": [like if same else 0.0 for like, same in likeness],
        "labels_in_query": [text[:SHOWN] for text in positives + negatives if _holds(query, text, row.query_language)],
    }
    return measured | ({"identified": identified} if UNDETERMINED.code in known else {})


def _identified(row: Row, surveys: Columns[Survey]) -> list[str]:
    """Give the languages of query and documents: those that the row knows, else those that the texts are in.

    A text too short to tell is taken to be in the language of the other side.
    """
    sides = (row.query_language, ("query",)), (row.document_language, ("positives", "negatives"))
    found = [
        code
        if code != UNDETERMINED.code
        else identify([w for name in names for seen in surveys[name] for w in seen[0]])
        for code, names in sides
    ]
    return [code or found[1 - side] or UNDETERMINED.code for side, code in enumerate(found)]


def _each(find: Callable[[Any], T], columns: Columns[Any]) -> Columns[T]:
    return {column: [find(entry) for entry in found] for column, found in columns.items()}


def _first(find: Callable[[str], str | None], texts: Iterable[str]) -> str | None:
    """Give the first find, fit to be written down."""
    found = next((found for text in texts if (found := find(text))), None)
    return found and found[:SHOWN].encode("utf-8", "replace").decode()


def _leaked_request(row: Row, folded: Columns[str]) -> str | None:
    """Find the task sentence or a line of the prompt's parameters in the texts."""
    task = fold_text(row.task)
    asked = [fold_text(pair) for pair in parameters(row.requested)]
    if len(task.split()) >= TASK_WORDS:
        asked.append(task)
    return next((piece for found in folded.values() for text in found for piece in asked if piece in text), None)


def _copied(query: str, positives: Sequence[str], row: Row) -> tuple[float, float]:
    """Share of the query in runs of `COPY_WORDS` that a positive holds word by word, and share of its words there.

    In languages without spaces, runs of as many characters as make so many words.
    """
    code = row.query_language
    if code != row.document_language:
        return 0.0, 0.0
    pieces, run, word = units(query, code), unit_count(COPY_WORDS, code), unit_count(1, code)
    words = set(_grams(pieces, word))
    copied = overlap = 0.0
    for text in positives:
        others = units(text, code)
        overlap = max(overlap, len(words.intersection(_grams(others, word))) / max(len(words), 1))
        if len(pieces) >= run:
            copied = max(copied, _covered(pieces, others, run))
    return round(copied, 4), round(overlap, 4)


def _covered(pieces: Sequence[str], others: Sequence[str], size: int) -> float:
    """Share of the pieces in runs of `size` that the others hold too."""
    shared = set(_grams(pieces, size)).intersection(_grams(others, size))
    if not shared:
        return 0.0
    starts = (place for place, gram in enumerate(_grams(pieces, size)) if gram in shared)
    return len({start + step for start in starts for step in range(size)}) / len(pieces)


def _grams(pieces: Sequence[str], size: int) -> Iterable[object]:
    return pieces if size == 1 else zip(*(pieces[start:] for start in range(size)), strict=False)


def _alike(text: str, other: str, cutoff: float = 0.0) -> float:
    """Character similarity (Indel, 0..1); 1 for equal texts alone, 0 below the cutoff."""
    if text == other:
        return 1.0
    return min(0.9999, round(Indel.normalized_similarity(text, other, score_cutoff=cutoff), 4))


def _closest(negative: str, positives: Sequence[str]) -> tuple[float, bool]:
    """Highest similarity to a positive, and whether the two give the same numbers: others make another document."""
    like, closest = max(((_alike(negative, text), text) for text in positives), default=(0.0, ""))
    return like, NUMBER.findall(negative) == NUMBER.findall(closest)


def _holds(query: str, label: str, code: str) -> bool:
    """Whether a label stands in a longer text, as whole words where the language has them."""
    if len(label) >= len(query):
        return False
    return f" {label} " in f" {query} " if language(code).spaced else label in query
