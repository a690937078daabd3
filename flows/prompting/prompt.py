"""What a prompt file says, as frozen values, and how it is rendered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template
from jinja2.sandbox import ImmutableSandboxedEnvironment

from flows.domain.records import Json
from flows.ids import digest


@dataclass(frozen=True, slots=True)
class AxisValue:
    """One value that a placeholder may take."""

    value: str | int | float
    weight: float
    words: tuple[int, int | None] | None = None
    """Least and most words the value asks of the axis's column; None in second place is no upper bound."""


@dataclass(frozen=True)
class Axis:
    """A placeholder that is drawn by quota."""

    name: str
    values: tuple[AxisValue, ...]
    columns: tuple[str, ...] = ()
    """Columns of the record whose length the values bound: query, positives, negatives."""

    @property
    def weights(self) -> tuple[float, ...]:
        """Shares of the values, in order; they sum to 1."""
        return tuple(value.weight for value in self.values)

    @cached_property
    def words(self) -> Mapping[Any, tuple[int, int | None]]:
        """Value -> least and most words it asks for; values without are left out."""
        return {value.value: value.words for value in reversed(self.values) if value.words}


@dataclass(frozen=True, slots=True)
class ReplyField:
    """One key that the reply must have."""

    name: str
    description: str
    kind: str = "string"
    """`string`, or `strings` for a list of them."""
    values: tuple[str, ...] = ()
    """The only texts it may have; none is any text."""
    most: int | None = None
    """Characters of each text, at most."""

    @property
    def digested(self) -> list[Json]:
        """What of it shapes answers; bounds that a field does not have leave the digest as it was before them."""
        bounds: list[Json] = [list(self.values), self.most] if self.values or self.most else []
        return [self.name, self.description, self.kind, *bounds]

    @property
    def schema(self) -> dict[str, Json]:
        """JSON Schema of its value."""
        text: dict[str, Json] = {"type": "string"}
        if self.values:
            text["enum"] = list(self.values)
        if self.most:
            text["maxLength"] = self.most
        value: dict[str, Json] = text if self.kind == "string" else {"type": "array", "items": text}
        return {**value, "description": self.description}

    @property
    def line(self) -> str:
        """What a prompt says of it."""
        among = f"; one of {', '.join(map(repr, self.values))}" if self.values else ""
        bound = f"; at most {self.most} characters" if self.most else ""
        return f'- "{self.name}": {self.description}{among}{bound}'


@dataclass(frozen=True, slots=True)
class RecordMap:
    """How reply fields and variables become a row."""

    task: str
    """Template of the task sentence over the variables."""
    query: str
    positives: tuple[str, ...]
    negatives: tuple[str, ...] = ()
    instruction: str | None = None
    """Template of the instruction; None: the task itself."""
    grades: Mapping[str, str] = field(default_factory=dict)
    """Column (positives, negatives) -> variable that holds the grade asked for."""
    grade_scale: tuple[float, float] | None = None
    symmetric: bool = False
    labels: bool = False
    """True when positives and negatives are labels, so that they may not stand in the query."""
    words: Mapping[str, tuple[int, int | None]] = field(default_factory=dict)
    """Column -> least and most words where no axis asks for a length."""


@dataclass(frozen=True)
class Prompt:
    """One prompt file, checked."""

    name: str
    """Path below the prompt folder without suffix, `e5/short_long`."""
    family: str
    version: int
    body: str
    """Jinja source; what never changes stands first, for prefix caching."""
    inputs: tuple[str, ...]
    reply: tuple[ReplyField, ...]
    axes: tuple[Axis, ...] = ()
    languages: tuple[str, ...] = ()
    """Variables drawn from the recipe's languages: none, one, or query's and documents'."""
    record: RecordMap | None = None
    """None for a prompt that brainstorms tasks."""

    @cached_property
    def wording(self) -> str:
        """Digest of the words a model sees."""
        return digest(self.body, [f.digested for f in self.reply], size=8)

    @cached_property
    def label(self) -> str:
        """Name, version and digest of the words, for provenance."""
        return f"{self.name}@{self.version}+{self.wording}"

    @cached_property
    def fingerprint(self) -> str:
        """Digest of all that shapes requests and rows: words, axes, record."""
        return digest(self.label, repr(self.axes), repr(self.languages), repr(self.record))

    @cached_property
    def schema_name(self) -> str:
        """Name of the schema in a request."""
        return self.name.replace("/", "_")

    @cached_property
    def schema(self) -> dict[str, Json]:
        """JSON Schema of the reply, strict enough for servers that enforce it."""
        return {
            "type": "object",
            "properties": {f.name: f.schema for f in self.reply},
            "required": [f.name for f in self.reply],
            "additionalProperties": False,
        }

    @cached_property
    def _template(self) -> Template:
        return template(self.body)

    @cached_property
    def _reply_lines(self) -> str:
        return "\n".join(f.line for f in self.reply)

    def render(self, variables: Mapping[str, Json]) -> str:
        """Fill the body; `reply` (a line for each key of the reply) is always there."""
        return fill(self._template, {**variables, "reply": self._reply_lines})


@lru_cache(maxsize=256)
def template(source: str) -> Template:
    """Compile a template in Jinja's sandbox, where an undefined name is an error and text stays as it is."""
    return ENVIRONMENT.from_string(source)


ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
_GLOBALS = dict(ENVIRONMENT.globals)


def fill(filled: Template, variables: Mapping[str, Json]) -> str:
    """Render a template of the sandbox, without the copies of its globals that cost `Template.render` half its time."""
    context = ENVIRONMENT.context_class(ENVIRONMENT, {**_GLOBALS, **variables}, filled.name, filled.blocks)
    return "".join(filled.root_render_func(context))
