"""What a trainer puts before the texts of a config, as `prompts` of sentence-transformers."""

from collections.abc import Iterable, Iterator, Mapping

from flows.publishing.configs import TRAINING
from flows.publishing.instructions import INSTRUCT, PASSAGE, QUERY
from flows.publishing.parquet import Written
from flows.publishing.survey import Group

QUERIES = ("anchor", "query", "sentence", "sentence1")
"""Columns that hold a query; where both sides are alike, the others are queries too."""

NOT_TEXT = ("score", "label", "labels", "docs")


def prompt_map(configs: Iterable[Written], groups: Mapping[str, Group]) -> dict[str, dict[str, str]]:
    """Give config -> column -> prompt for the training configs with bare texts.

    `groups` tells by `in_batch_name` what rows have in common: the config of a group with one instruction for all gets
    `Instruct: … Query: …` (E5-mistral, arXiv 2401.00368), every other one `query: ` and `passage: ` (E5, arXiv
    2212.03533).
    """
    prompts = {}
    for config in configs:
        shape = max((name for name in TRAINING if _is_of(config.name, name)), key=len, default="")
        group = config.name.removeprefix(shape).removeprefix("-")
        if shape and (not group or group in groups):
            prompts[config.name] = dict(_columns(config, shape, groups.get(group)))
    return prompts


def _is_of(config: str, shape: str) -> bool:
    return config == shape or config.startswith(f"{shape}-")


def _columns(config: Written, shape: str, group: Group | None) -> Iterator[tuple[str, str]]:
    alike = shape == "pair-score" or (group is not None and group.symmetric)
    instruction = group.instruction if group else None
    query = INSTRUCT.format(instruction) if instruction else QUERY
    for column in config.columns:
        if column in NOT_TEXT:
            continue
        if alike or column in QUERIES:
            yield column, query
        elif not instruction:
            yield column, PASSAGE
