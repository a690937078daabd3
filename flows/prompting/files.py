"""Find, read and check prompt files.

A prompt file is Markdown with a TOML header between two lines `+++`. The header is checked whole when it is
loaded: unknown keys, wrong types, weights that do not sum to 1, and a body that uses other variables than are
declared are each one UsageError that names the file and the key.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from jinja2 import TemplateSyntaxError, meta
from pydantic import Field

from flows.errors import UsageError
from flows.prompting.prompt import ENVIRONMENT, Axis, AxisValue, Prompt, RecordMap, ReplyField
from flows.prompting.strict import Strict, check_shares, parse_toml

COLUMNS = {
    "query": ("query",),
    "positives": ("positives",),
    "negatives": ("negatives",),
    "documents": ("positives", "negatives"),
    "all": ("query", "positives", "negatives"),
}

Words = Annotated[list[int], Field(min_length=1, max_length=2)]


class _Value(Strict):
    value: str | int | float
    weight: Annotated[float, Field(ge=0)] | None = None
    words: Words | None = None


class _Axis(Strict):
    values: Annotated[list[_Value], Field(min_length=1)]
    column: str | None = None


class _Reply(Strict):
    type: str = "string"
    description: str
    values: list[Annotated[str, Field(min_length=1)]] = []
    most: Annotated[int, Field(ge=1)] | None = None


class _Record(Strict):
    task: str
    query: str
    positives: Annotated[list[str], Field(min_length=1)]
    negatives: list[str] = []
    instruction: str | None = None
    grades: dict[str, str] = {}
    grade_scale: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    symmetric: bool = False
    labels: bool = False
    words: dict[str, Words] = {}


class _Header(Strict):
    family: Annotated[str, Field(min_length=1)]
    version: Annotated[int, Field(ge=1)]
    inputs: list[str]
    reply: Annotated[dict[str, str | _Reply], Field(min_length=1)]
    axes: dict[str, str | _Axis] = {}
    languages: Annotated[list[str], Field(max_length=2)] = []
    record: _Record | None = None


@dataclass(frozen=True, slots=True)
class PromptFolders:
    """Where prompts are looked up; an earlier folder hides a later one."""

    roots: tuple[Path, ...]

    def names(self) -> list[str]:
        """List every prompt, by name."""
        found = {
            path.relative_to(root).with_suffix("").as_posix()
            for root in self.roots
            for path in root.rglob("*.md")
            if path.read_text(encoding="utf-8").startswith("+++")
        }
        return sorted(found)

    def load(self, name: str) -> Prompt:
        """Read and check one prompt; raises UsageError."""
        path = self.find(name, ".md", "prompt")
        header, body = _split(path)
        parsed = parse_toml(_Header, header, path)
        axes = tuple(self._axis(axis, value, path) for axis, value in parsed.axes.items())
        prompt = Prompt(
            name=name,
            family=parsed.family,
            version=parsed.version,
            body=body,
            inputs=tuple(parsed.inputs),
            reply=tuple(_reply_field(key, value, path) for key, value in parsed.reply.items()),
            axes=axes,
            languages=tuple(parsed.languages),
            record=_record(parsed.record, path) if parsed.record else None,
        )
        for complaint in _complaints(prompt):
            raise UsageError(f"{path}: {complaint}")
        return prompt

    def _axis(self, name: str, value: str | _Axis, path: Path) -> Axis:
        if isinstance(value, str):
            path = self.find(value, ".toml", f"axis (named by {path})")
            value = parse_toml(_Axis, path.read_text(encoding="utf-8"), path)
        if value.column is not None and value.column not in COLUMNS:
            raise UsageError(f"{path}: axes.{name}.column: {value.column!r} is none of {', '.join(COLUMNS)}")
        weights = [entry.weight for entry in value.values]
        if all(weight is None for weight in weights):
            shares = [1 / len(weights)] * len(weights)
        elif any(weight is None for weight in weights):
            raise UsageError(f"{path}: axes.{name}: give every value a weight, or none")
        else:
            shares = [weight for weight in weights if weight is not None]
        check_shares(shares, f"{path}: axes.{name}")
        values = tuple(
            AxisValue(entry.value, share / sum(shares), _bounds(entry.words))
            for entry, share in zip(value.values, shares, strict=True)
        )
        return Axis(name, values, COLUMNS[value.column] if value.column else ())

    def find(self, name: str, suffix: str = "", what: str = "file") -> Path:
        """Give the path of a file of the prompt folders; raises UsageError."""
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise UsageError(f"{what} {name!r}: the name must stay inside the prompt folder")
        for root in self.roots:
            path = root / f"{name}{suffix}"
            if path.is_file():
                return path
        looked = ", ".join(str(root / f"{name}{suffix}") for root in self.roots)
        raise UsageError(f"{what} {name!r} is missing: looked for {looked}")


def _split(path: Path) -> tuple[str, str]:
    parts = path.read_text(encoding="utf-8").split("+++\n", 2)
    if len(parts) != 3 or parts[0]:
        raise UsageError(f"{path}: a prompt starts with a TOML header between two lines '+++'")
    return parts[1], parts[2].strip()


def _bounds(words: list[int] | None) -> tuple[int, int | None] | None:
    return (words[0], words[1] if len(words) == 2 else None) if words else None


def _reply_field(name: str, value: str | _Reply, path: Path) -> ReplyField:
    if isinstance(value, str):
        return ReplyField(name, value)
    if value.type not in ("string", "strings"):
        raise UsageError(f"{path}: reply.{name}.type: {value.type!r} is neither 'string' nor 'strings'")
    return ReplyField(name, value.description, value.type, tuple(value.values), value.most)


def _record(record: _Record, path: Path) -> RecordMap:
    for column in [*record.grades, *record.words]:
        if column not in COLUMNS["all"]:
            raise UsageError(f"{path}: record: {column!r} is none of {', '.join(COLUMNS['all'])}")
    scale = record.grade_scale
    if bool(scale) != bool(record.grades) or (scale and scale[0] >= scale[1]):
        raise UsageError(f"{path}: record.grade_scale: grades, and only they, need a scale [lowest, highest]")
    return RecordMap(
        task=record.task,
        query=record.query,
        positives=tuple(record.positives),
        negatives=tuple(record.negatives),
        instruction=record.instruction,
        grades=record.grades,
        grade_scale=(scale[0], scale[1]) if scale else None,
        symmetric=record.symmetric,
        labels=record.labels,
        words={column: bounds for column, words in record.words.items() if (bounds := _bounds(words))},
    )


def _complaints(prompt: Prompt) -> Iterator[str]:
    """Say what does not fit together in a prompt: variables, reply keys, record."""
    declared = {*prompt.inputs, *(axis.name for axis in prompt.axes), *prompt.languages}
    if len(declared) != len(prompt.inputs) + len(prompt.axes) + len(prompt.languages):
        yield "a variable is declared twice among inputs, axes and languages"
    used = set()
    sources = {"body": prompt.body}
    if prompt.record:
        sources |= {"record.task": prompt.record.task, "record.instruction": prompt.record.instruction or ""}
    for where, source in sources.items():
        try:
            names = meta.find_undeclared_variables(ENVIRONMENT.parse(source))
        except TemplateSyntaxError as error:
            yield f"{where}: line {error.lineno}: {error.message}"
            return
        if unknown := sorted(names - declared - {"reply"}):
            yield f"{where}: uses {', '.join(unknown)}, which the header does not declare"
        if where == "body":
            used = names
    if unused := sorted(declared - used):
        yield f"body: does not use {', '.join(unused)}, which the header declares"
    if "reply" not in used:
        yield "body: does not use {{ reply }}, so the model is not told the keys of its answer"
    if not prompt.record:
        if [field.kind for field in prompt.reply] != ["strings"]:
            yield "a prompt without [record] brainstorms tasks: its reply has one key of type 'strings'"
        return
    keys = {field.name for field in prompt.reply}
    mapped = {prompt.record.query, *prompt.record.positives, *prompt.record.negatives}
    if missing := sorted(mapped - keys):
        yield f"record: {', '.join(missing)} is no key of [reply]"
    if missing := sorted(set(prompt.record.grades.values()) - declared):
        yield f"record.grades: {', '.join(missing)} is not declared"
    if not prompt.languages:
        yield "languages: a prompt with [record] names the variable that holds its language"
