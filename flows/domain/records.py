"""The canonical record: one schema for the rows of every family."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeAlias

GIVEN = "given"
"""Origin of a text that a data set made elsewhere came with."""

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


@dataclass(frozen=True, slots=True)
class Text:
    """One positive or negative of a row."""

    text: str
    origin: str = "llm"
    """Who made it: llm, seed, bm25, dense, relabel, edited by a person, or given with a data set made elsewhere."""
    doc_id: str | None = None
    """Id of the document it is, for a text that is not model-written."""
    grade: float | None = None
    """How similar or relevant it was asked to be, on the family's own scale (STS and bitext: 1 to 5)."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """Similarity to the query by scorer, in 0..1; `requested` is the grade rescaled."""


@dataclass(frozen=True, slots=True)
class Generator:
    """Which model wrote the row, from which words."""

    model: str
    """Name that the endpoint gave for it."""
    prompt: str
    """Label of the prompt, `name@version+digest of its words`."""
    seed: int | None = None
    """The sampling seed that was sent, if one was."""
    tokens_in: int = 0
    tokens_out: int = 0
    rung: str = "none"
    """How the answer was held to its schema: json_schema, json_object or none."""
    recorded: bool = False
    """True when the reply was replayed from a recording, not asked for in this run."""
    wording: str | None = None
    """Digest of the prompt's words when the replayed reply was recorded; None for a live reply."""
    mean_logprob: float | None = None
    """Mean log-probability of the answer's tokens, where the recipe asked for it and the endpoint gave it."""
    entry: str = ""
    """Name of the recipe's entry `[[llm]]` that was asked; empty where there is only one."""


@dataclass(frozen=True, slots=True)
class Row:
    """One training example with all that is known about it."""

    id: str
    family: str
    slot: int
    """Which of its family's places the row fills; with `attempt` the order in which twins are judged."""
    attempt: int
    """How often the slot was asked before."""
    task: str
    """The task sentence; rows of one task stay in one split."""
    instruction: str
    """What a trainer puts before the query; the task unless the prompt says otherwise."""
    query: str
    positives: tuple[Text, ...]
    negatives: tuple[Text, ...]
    query_language: str
    """Language asked for, ISO 639 code."""
    document_language: str
    generator: Generator
    symmetric: bool = False
    """True when query and documents are the same kind of text (STS, bitext)."""
    source_doc_id: str | None = None
    requested: Mapping[str, Json] = field(default_factory=dict)
    """What was asked of the model: the drawn variables, and `words`: {column: [low, high]}."""
    measured: Mapping[str, Json] = field(default_factory=dict)
    """What was found on the answer."""
    split: str | None = None

    def in_languages(self, query: str, document: str) -> "Row":
        """Give the row with other languages."""
        if (query, document) == (self.query_language, self.document_language):
            return self
        return replace(self, query_language=query, document_language=document)

    def to_json(self) -> dict[str, Any]:
        """Give the row as JSON-native values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Row":
        """Build a row from what `to_json` gave; raises TypeError on a foreign key."""
        return cls(
            **{
                **data,
                "positives": tuple(Text(**text) for text in data["positives"]),
                "negatives": tuple(Text(**text) for text in data["negatives"]),
                "generator": Generator(**data["generator"]),
            }
        )
