"""Make canonical rows of foreign records: pairs, triples, lists, graded pairs, and triplesmith's own rows."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.domain.languages import UNDETERMINED, language
from flows.domain.records import GIVEN, Generator, Json, Row, Text
from flows.domain.units import Dropped
from flows.errors import UsageError
from flows.ids import digest
from flows.sources.columns import Columns, find_columns, is_number
from flows.sources.records import BadRecord, Record, Values

OWN = {"family", "query", "positives", "negatives", "query_language", "document_language", "generator", "slot"}
"""Columns by which triplesmith's own rows are known."""
OPEN_ENDED = ("requested", "measured")
"""What `full` holds as JSON."""
RANGES = ((0.0, 1.0), (0.0, 5.0), (0.0, 10.0), (0.0, 100.0), (-1.0, 1.0))
"""Ranges of scores, the first that holds those of the first records is taken."""
SCORER = "given"
"""Name of the scorer of scores that the source gives."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How the records of one source are read."""

    source: str
    """Fingerprint of the source, from which rows have their ids."""
    columns: Columns | None
    """None for triplesmith's own rows, whose columns are known."""
    score_range: tuple[float, float] | None = None
    """Least and greatest score of graded pairs."""
    family: str = "triples"
    """Family of rows that name none."""
    language: str = UNDETERMINED.code
    """Language of rows that name none."""

    def __str__(self) -> str:
        """One line for a person."""
        if self.columns is None:
            return "triplesmith's own rows"
        scores = f"; scores {self.score_range[0]:g} to {self.score_range[1]:g}" if self.score_range else ""
        return f"columns: {self.columns}{scores}; family {self.family}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the caller says of the source, in place of what is found."""

    columns: str = ""
    """`role=column,role=column+column`."""
    scores: str = ""
    """`least..greatest` score of graded pairs."""
    family: str = ""
    language: str = ""


def plan_reading(records: Sequence[Record], wanted: Wanted, where: str, source: str) -> Reading:
    """Find out from the first records how all are read; raises UsageError when they are no triples.

    `where` is the source for messages, `source` its fingerprint.
    """
    if wanted.language:
        language(wanted.language)
    samples = [record.values for record in records]
    code = wanted.language or UNDETERMINED.code
    if samples and not wanted.columns and samples[0].keys() >= OWN:
        return Reading(source, None)
    columns = find_columns(samples, wanted.columns, where)
    graded = _is_graded(columns, samples)
    family = wanted.family or ("sts" if graded else "triples" if _has_negatives(columns) else "pairs")
    return Reading(source, columns, _range(columns, samples, wanted.scores) if graded else None, family, code)


def read_row(record: Record | BadRecord, reading: Reading, place: int) -> Row | Dropped:
    """Make a row of the record at a place of its source, or say what is wrong with it."""
    if isinstance(record, BadRecord):
        return _dropped(record, reading, place, record.reason, record.detail, record.text)
    try:
        if reading.columns is None:
            return _own_row(record.values)
        return _row(record, reading, reading.columns, place)
    except _BadError as error:
        shown = json.dumps(record.values, ensure_ascii=False, default=str)[:2000]
        shown = shown.encode("utf-8", "replace").decode()
        return _dropped(record, reading, place, error.reason, error.detail, shown)


class _BadError(Exception):
    """A record that gives no row."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


def _dropped(record: Record | BadRecord, reading: Reading, place: int, reason: str, detail: str, shown: str) -> Dropped:
    content: dict[str, Json] = {"where": record.where, "reply": shown}
    return Dropped(_id(reading, place), reason, f"{record.where}: {detail}", content)


def _id(reading: Reading, place: int) -> str:
    return digest("import", reading.source, place)


def _own_row(values: Values) -> Row:
    data = {**values, "split": None, "measured": {}}
    try:
        for name in OPEN_ENDED:
            data[name] = _decoded(data.get(name))
        data["measured"] = {}
        for column in ("positives", "negatives"):
            data[column] = [{**text, "scores": _decoded(text.get("scores"))} for text in data[column]]
        return Row.from_json(data)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise _BadError("bad_record", f"no row of triplesmith: {' '.join(str(error).split())}") from None


def _decoded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value or {}


def _row(record: Record, reading: Reading, columns: Columns, place: int) -> Row:
    values = record.values
    query = _query(columns, values)
    positives, negatives = _documents(columns, values, reading)
    if not positives and not negatives:
        raise _BadError("no_positive", "no text to pair the query with")
    code = _language(columns, values, "language", reading.language)
    instruction = _word(columns, values, "instruction")
    task = _word(columns, values, "task")
    kind = _word(columns, values, "kind")
    return Row(
        id=_id(reading, place),
        family=_word(columns, values, "family") or reading.family,
        slot=place,
        attempt=0,
        task=task,
        instruction=instruction or task,
        query=query,
        positives=positives,
        negatives=negatives,
        query_language=_language(columns, values, "query_language", code),
        document_language=_language(columns, values, "document_language", code),
        generator=Generator("", ""),
        symmetric=reading.score_range is not None or kind.startswith("symmetric"),
        requested={"source": record.where},
    )


def _query(columns: Columns, values: Values) -> str:
    found = list(_texts(columns.one("query", values), "query"))
    if len(found) != 1:
        raise _BadError("no_query", "the query is missing" if not found else f"{len(found)} queries")
    return found[0].text


def _documents(columns: Columns, values: Values, reading: Reading) -> tuple[tuple[Text, ...], tuple[Text, ...]]:
    if "documents" in columns.roles:
        return _labelled(columns, values)
    positives = [text for value in columns.all("positives", values) for text in _texts(value, "positives")]
    negatives = [text for value in columns.all("negatives", values) for text in _texts(value, "negatives")]
    score = columns.one("score", values)
    if reading.score_range is not None:
        graded = _grade(score, reading.score_range)
        return tuple(Text(text.text, GIVEN, text.doc_id, *graded) for text in positives), ()
    if isinstance(score, list) and len(score) == len(positives) + len(negatives):
        return _with_scores(positives, score), _with_scores(negatives, score[len(positives) :])
    sides = zip((positives, negatives), ("positive_scores", "negative_scores"), strict=True)
    first, second = (_with_scores(side, columns.one(role, values)) for side, role in sides)
    return first, second


def _labelled(columns: Columns, values: Values) -> tuple[tuple[Text, ...], tuple[Text, ...]]:
    """Tell the texts of a ranked list apart by their labels."""
    texts, labels = list(_texts(columns.one("documents", values), "documents")), columns.one("score", values)
    if not isinstance(labels, list) or len(labels) != len(texts):
        raise _BadError("bad_score", "a list of documents needs as many labels")
    sides: tuple[list[Text], list[Text]] = ([], [])
    for text, label in zip(texts, map(_number, labels), strict=True):
        sides[label < 0.5].append(text)
    return tuple(sides[0]), tuple(sides[1])


def _texts(value: Any, role: str) -> Iterator[Text]:
    """Yield the texts of a value: one, a list, or passages with title and id; empty ones are none."""
    if value is None:
        return
    if isinstance(value, str):
        listed = _listed(value)
        if listed is None:
            if value.strip():
                yield Text(value, GIVEN)
            return
        value = listed
    if isinstance(value, list | tuple):
        for member in value:
            yield from _texts(member, role)
    elif isinstance(value, Mapping) and isinstance(value.get("text"), str):
        title = value.get("title")
        text = f"{title} {value['text']}" if isinstance(title, str) and title.strip() else value["text"]
        key = next((value[name] for name in ("docid", "doc_id", "_id", "id") if value.get(name) is not None), None)
        if text.strip():
            yield Text(text, GIVEN, None if key is None else str(key))
    else:
        raise _BadError("bad_text", f"{role}: a text is wanted, not {value!r:.60}")


def _listed(value: str) -> list[Any] | None:
    """Give the list that a text of a CSV file spells, or None."""
    if not value.startswith(('["', "['")):
        return None
    try:
        listed = json.loads(value)
    except ValueError:
        return None
    return listed if isinstance(listed, list) and all(isinstance(member, str) for member in listed) else None


def _with_scores(texts: Sequence[Text], scores: Any) -> tuple[Text, ...]:
    if scores is None:
        return tuple(texts)
    given = scores if isinstance(scores, list) else [scores]
    if len(given) < len(texts):
        raise _BadError("bad_score", f"{len(given)} scores for {len(texts)} texts")
    pairs = zip(texts, given, strict=False)
    return tuple(Text(text.text, GIVEN, text.doc_id, scores={SCORER: _number(score)}) for text, score in pairs)


def _grade(score: Any, score_range: tuple[float, float]) -> tuple[float, dict[str, float]]:
    number = _number(score)
    low, high = score_range
    if not low <= number <= high:
        raise _BadError("bad_score", f"{number:g} is not between {low:g} and {high:g}; --scores says the range")
    return number, {"requested": round((number - low) / (high - low), 4)}


def _number(value: Any) -> float:
    if not is_number(value):
        raise _BadError("bad_score", f"a number is wanted, not {value!r:.60}")
    return float(value)


def _word(columns: Columns, values: Values, role: str) -> str:
    value = columns.one(role, values)
    return value if isinstance(value, str) else ""


def _language(columns: Columns, values: Values, role: str, otherwise: str) -> str:
    """Give the language that a record names; one that is not known is found out from the text."""
    named = _word(columns, values, role)
    if not named:
        return otherwise
    try:
        return language(named).code
    except UsageError:
        return UNDETERMINED.code


def _is_graded(columns: Columns, samples: Sequence[Values]) -> bool:
    """Whether the records are pairs of texts with one score each."""
    if "score" not in columns.roles or "documents" in columns.roles or _has_negatives(columns):
        return False
    return not any(isinstance(columns.one("score", values), list) for values in samples)


def _has_negatives(columns: Columns) -> bool:
    return bool({"negatives", "documents"} & columns.roles.keys())


def _range(columns: Columns, samples: Sequence[Values], given: str) -> tuple[float, float]:
    if given:
        low, dots, high = given.partition("..")
        if not (dots and is_number(low) and is_number(high) and float(low) < float(high)):
            raise UsageError(f"--scores {given}: write it as least..greatest, for example 1..5")
        return float(low), float(high)
    found = [score for values in samples if is_number(score := columns.one("score", values))]
    numbers = [float(str(score)) for score in found]
    least, greatest = min(numbers, default=0.0), max(numbers, default=1.0)
    return next(((low, high) for low, high in RANGES if low <= least and greatest <= high), (least, greatest))
