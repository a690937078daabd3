"""Turn one answer into one row."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from flows.domain.languages import language
from flows.domain.records import Generator, Json, Row, Text
from flows.domain.units import Unit
from flows.llm.types import Completion
from flows.prompting.prompt import Prompt, RecordMap, fill, template


def build_row(unit: Unit, prompt: Prompt, fields: Mapping[str, Any], calls: Sequence[Completion], key: str) -> Row:
    """Map reply fields and variables to the record, as the prompt's header says."""
    record = prompt.record
    assert record is not None, "a brainstorming prompt writes no rows"
    variables = unit.variables
    task = _fill(record.task, variables)
    codes = [language(str(variables[name])).code for name in prompt.languages]
    return Row(
        id=key,
        family=unit.family,
        slot=unit.slot,
        attempt=unit.attempt,
        task=task,
        instruction=_fill(record.instruction, variables) if record.instruction else task,
        query=fields[record.query],
        positives=_texts(record, "positives", record.positives, fields, variables),
        negatives=_texts(record, "negatives", record.negatives, fields, variables),
        query_language=codes[0],
        document_language=codes[-1],
        generator=generator(unit, prompt, calls),
        symmetric=record.symmetric,
        requested=_requested(unit, prompt),
    )


def generator(unit: Unit, prompt: Prompt, calls: Sequence[Completion]) -> Generator:
    """Say who wrote the last of `calls`, and what all of them cost."""
    last = calls[-1]
    return Generator(
        model=last.model,
        prompt=prompt.label,
        tokens_in=sum(call.tokens_in for call in calls),
        tokens_out=sum(call.tokens_out for call in calls),
        rung=last.rung,
        recorded=last.recorded,
        wording=last.wording,
        mean_logprob=round(fmean(last.logprobs), 6) if last.logprobs else None,
        entry=unit.model,
    )


def _texts(
    record: RecordMap, column: str, names: Sequence[str], fields: Mapping[str, Any], variables: Mapping[str, Json]
) -> tuple[Text, ...]:
    texts = [text for name in names for text in _strings(fields[name])]
    if column not in record.grades or record.grade_scale is None:
        return tuple(Text(text) for text in texts)
    grade = float(str(variables[record.grades[column]]))
    low, high = record.grade_scale
    scores = {"requested": round((grade - low) / (high - low), 4)}
    return tuple(Text(text, grade=grade, scores=scores) for text in texts)


def _strings(content: Any) -> list[str]:
    return content if isinstance(content, list) else [content]


def _requested(unit: Unit, prompt: Prompt) -> dict[str, Json]:
    """Give the drawn variables, and under `words` the length asked of each column."""
    assert prompt.record is not None
    words: dict[str, Json] = {column: list(bounds) for column, bounds in prompt.record.words.items()}
    for axis in prompt.axes:
        if axis.columns and (bounds := axis.words.get(unit.variables[axis.name])):
            words |= {column: list(bounds) for column in axis.columns}
    variables = {name: value for name, value in unit.variables.items() if name not in ("task", "attempt")}
    return {**variables, "words": words, "labels": prompt.record.labels}


def _fill(source: str, variables: Mapping[str, Json]) -> str:
    return fill(template(source), variables)
