"""The YAML with which a data set's README.md starts: what the Hub and `datasets` read of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from flows.publishing.features import Features, card_features
from flows.publishing.parquet import Written


def config_metadata(configs: Sequence[Written]) -> dict[str, list[dict[str, Any]]]:
    """Give the `configs` and `dataset_info` of a card; the first config is the default."""
    named: list[dict[str, Any]] = []
    for config in configs:
        files = [{"split": split, "path": path} for split, path in config.paths.items()]
        named.append({"config_name": config.name, "data_files": files, **({} if named else {"default": True})})
    return {"configs": named, "dataset_info": [_dataset_info(config) for config in configs]}


def stated_features(features: Features) -> dict[str, Any]:
    """State the types, so that a column that is null throughout one file loads all the same."""
    return {"dataset_info": {"features": card_features(features)}}


def to_yaml(metadata: Mapping[str, Any]) -> str:
    """Write metadata as the Hub's own client does."""
    from huggingface_hub import DatasetCardData

    return DatasetCardData(**metadata).to_yaml().strip()


def size_category(rows: int) -> str:
    """Give the Hub's name for a number of rows."""
    names = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B", "1B<n<10B")
    return names[max(0, min(len(str(rows)) - 3, len(names) - 1))]


def _dataset_info(config: Written) -> dict[str, Any]:
    splits = [
        {"name": name, "num_bytes": size.bytes, "num_examples": size.rows} for name, size in config.splits.items()
    ]
    return {"config_name": config.name, "features": card_features(config.columns), "splits": splits}
