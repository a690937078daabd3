"""Merge the card of a run into the one that a repository has, so that what people wrote there stays."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from flows.errors import PublishError
from flows.publishing.card import BEGIN, END

COMPUTED = ("language", "size_categories")
"""Facts: the run's are right."""

COLLECTED = ("tags", "task_categories", "annotations_creators", "language_creators")
"""Lists that both sides add to."""

BY_CONFIG = ("configs", "dataset_info")

LICENCE = ("license", "license_name", "license_link")
"""Belong together: the repository's, if it has a licence."""


def merge_card(theirs: str | None, ours: str, earlier: Collection[str] = ()) -> str:
    """Give the card to upload: `ours` when there is none yet.

    Of the text, what stands between the two marks is replaced, all else stays. Of the metadata, facts about the data
    are ours, lists are united, and whatever else a person may have set is theirs. `earlier` names the configs that
    were published before, which go when they are not among ours. Merging again changes nothing.
    Raises PublishError when their metadata cannot be read.
    """
    from huggingface_hub import DatasetCardData

    if theirs is None or not theirs.strip():
        return ours
    old, old_text = _parts(theirs)
    new, new_text = _parts(ours)
    metadata, text = _merge_metadata(old, new, earlier), _merge_text(old_text, new_text)
    if (metadata, text) == (old, old_text):
        return theirs
    return f"---\n{DatasetCardData(**metadata).to_yaml().strip()}\n---\n{text}"


def _parts(card: str) -> tuple[dict[str, Any], str]:
    """Take a card apart into metadata and text."""
    from huggingface_hub import DatasetCard

    if not card.startswith("---"):
        return {}, card
    try:
        parsed = DatasetCard(card, ignore_metadata_errors=True)
    except Exception as error:
        # YAML's errors have no common root with the client's own, and all mean the same to a person
        reason = " ".join(str(error).split())
        raise PublishError(
            f"README.md of the repository: its metadata cannot be read, correct it there: {reason}"
        ) from None
    return parsed.data.to_dict(), parsed.text  # type: ignore[no-untyped-call]


def _merge_text(theirs: str, ours: str) -> str:
    _, _, rest = ours.partition(BEGIN)
    block = BEGIN + rest.partition(END)[0] + END
    before, begin, rest = theirs.partition(BEGIN)
    _, end, after = rest.partition(END)
    if begin and end:
        return before + block + after
    return f"{theirs.rstrip()}\n\n{block}\n" if theirs.strip() else f"{block}\n"


def _merge_metadata(theirs: Mapping[str, Any], ours: Mapping[str, Any], earlier: Collection[str]) -> dict[str, Any]:
    merged = {**ours, **theirs}
    for key in COMPUTED:
        merged[key] = ours[key]
    for key in COLLECTED:
        merged[key] = list(dict.fromkeys([*_as_list(theirs.get(key)), *_as_list(ours.get(key))]))
    for key in BY_CONFIG:
        merged[key] = _merge_configs(_as_list(theirs.get(key)), ours[key], earlier)
    if "license" in theirs:
        for key in LICENCE:
            if key not in theirs:
                merged.pop(key, None)
    return merged


def _merge_configs(
    theirs: Sequence[Any], ours: Sequence[Mapping[str, Any]], earlier: Collection[str]
) -> list[dict[str, Any]]:
    """Put ours in place of those that we wrote before; a default that is not ours stays the only one."""
    names = {config["config_name"] for config in ours} | {*earlier}
    kept = [config for config in theirs if config.get("config_name", "default") not in names]
    if any(config.get("default") for config in kept):
        ours = [{key: value for key, value in config.items() if key != "default"} for config in ours]
    return [*(dict(config) for config in ours), *kept]


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
