"""All that a report shows of one run, as plain values; their names are those of the page's JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flows.domain.ledger import ModelAccount, StageTally
from flows.domain.records import Json


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one family or language."""

    key: str
    """Name of the family, ISO 639 code of the language."""
    name: str
    rows: int
    asked: float
    """Rows that its share in the recipe comes to; 0 when the recipe does not name it."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Where whole numbers lie, by exact quantiles."""

    least: int
    low: int
    """A tenth of the numbers are at or below it."""
    middle: int
    high: int
    """A tenth of the numbers are above it."""
    most: int


@dataclass(frozen=True, slots=True)
class Length:
    """Words asked for and found in one column of one family; every bound that was asked is a value of its own."""

    family: str
    column: str
    """query, positives or negatives."""
    low: int
    """Least words asked for; 0 when no length was asked."""
    high: int | None
    """Most words asked for; None when there was no upper bound."""
    texts: int
    shorter: int
    longer: int
    found: Spread


@dataclass(frozen=True, slots=True)
class Hardness:
    """How hard the negatives of one family are to tell from its positives."""

    family: str
    rows: int
    """Rows that have a negative."""
    alike: tuple[int, ...]
    """Rows by character similarity of the closest negative and positive, in tenths of 0..1."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Mean share of the query's words that stand in the documents, over the rows that the page holds."""

    family: str
    rows: int
    positives: float
    negatives: float


@dataclass(frozen=True, slots=True)
class Scores:
    """What one scorer gave to positives and negatives, in tenths of 0..1."""

    scorer: str
    """`requested` is the grade that the model was asked to write for, rescaled."""
    positives: tuple[int, ...]
    negatives: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Session:
    """Replies over a time in which a run worked without a rest."""

    start: int
    """Unix time."""
    seconds: int
    """Length of a span."""
    replies: tuple[int, ...]
    """By span."""
    tokens: tuple[int, ...]
    """Written in them."""


@dataclass(frozen=True, slots=True)
class Twins:
    """A row that was dropped because it repeats another, and that other one."""

    family: str
    reason: str
    detail: str
    language: str
    kept: str
    """Query of the row that stayed."""
    dropped: str


@dataclass(frozen=True, slots=True)
class Column:
    """One value for every row, given as its place among the values that occur."""

    values: tuple[str, ...]
    codes: Sequence[int]


@dataclass(frozen=True, slots=True)
class Held:
    """The rows in the page's browser of rows: accepted ones first, as `shown.py` lays them out."""

    sizes: tuple[int, ...]
    """Rows in every block."""
    coded: Mapping[str, Column]
    """family, languages (codes, by spaces), model and reason (`stage reason`, empty for an accepted row)."""
    numbers: Mapping[str, Sequence[int]]
    """alike: similarity of the closest negative and positive in hundredths, or -1; words: those of the longest text."""
    blocks: tuple[str, ...]
    """Lists of rows: JSON, by zlib, in base64."""


@dataclass(frozen=True, slots=True)
class ReportData:
    """One run."""

    recipe: str
    description: str
    fingerprint: str
    """Of the run's manifest: equal for runs that ask for the same words."""
    target: int
    """Rows that the run was to accept."""
    accepted: int
    rejected: int
    """Replies, tasks and rows that were dropped on the way."""
    recorded: int
    """Accepted rows whose reply was replayed from a recording."""
    crossing: int
    """Accepted rows whose documents are in another language than the query."""
    ledger: tuple[StageTally, ...]
    families: tuple[Part, ...]
    languages: tuple[Part, ...]
    """By the language of the query."""
    cells: Mapping[str, Mapping[str, int]]
    """Family -> language code of the query -> rows."""
    lengths: tuple[Length, ...]
    hardness: tuple[Hardness, ...]
    overlaps: tuple[Overlap, ...]
    scores: tuple[Scores, ...]
    models: tuple[ModelAccount, ...]
    requests: Mapping[str, int]
    """Family -> model calls answered, second calls and task lists included."""
    sessions: tuple[Session, ...]
    prompts: Mapping[str, int]
    """Label of the prompt -> accepted rows."""
    settings: Mapping[str, Json]
    """Dotted key -> value of the effective recipe."""
    quality: Mapping[str, Json]
    """How varied the rows are, and the query-blind audit, as the run folder has them."""
    warnings: tuple[str, ...]
    benchmarks: tuple[Mapping[str, object], ...]
    """What curation found of each benchmark."""
    twins: tuple[Twins, ...]
    """Some of the duplicates that curation found."""
    held: Held
