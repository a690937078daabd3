"""Types of published columns: one small notation, as Arrow schema and as the Hub writes them.

A type is a dtype (`"string"`, `"int64"`, `"float64"`, `"bool"`), a list of one type `["string"]`, or a struct
`{"text": "string"}`. `datasets.Features` says the same, but importing it takes 0.8 CPU-seconds and 140 MB (pyarrow: 0.2
and 60), which every offline run would pay; tests hold the two to be equal.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import pyarrow as pa

Feature: TypeAlias = "str | list[Feature] | dict[str, Feature]"
Features: TypeAlias = Mapping[str, Feature]
"""Column -> type, in order."""


def arrow_schema(features: Features) -> "pa.Schema":
    """Give the explicit schema of a file, with the metadata from which `datasets` restores the features."""
    import pyarrow as pa

    info = {"info": {"features": {name: _restored(feature) for name, feature in features.items()}}}
    fields = [(name, _arrow(feature)) for name, feature in features.items()]
    return pa.schema(fields, metadata={"huggingface": json.dumps(info)})


def card_features(features: Features) -> list[dict[str, Any]]:
    """Give the features as `dataset_info` of a dataset card lists them."""
    return [{"name": name, **_listed(feature)} for name, feature in features.items()]


def _arrow(feature: Feature) -> "pa.DataType":
    import pyarrow as pa

    if isinstance(feature, list):
        return pa.list_(_arrow(feature[0]))
    if isinstance(feature, dict):
        return pa.struct([(name, _arrow(member)) for name, member in feature.items()])
    return pa.type_for_alias(feature)


def _restored(feature: Feature) -> dict[str, Any]:
    if isinstance(feature, list):
        return {"feature": _restored(feature[0]), "_type": "List"}
    if isinstance(feature, dict):
        return {name: _restored(member) for name, member in feature.items()}
    return {"dtype": feature, "_type": "Value"}


def _listed(feature: Feature) -> dict[str, Any]:
    if isinstance(feature, list):
        (item,) = feature
        return {"list": item if isinstance(item, str) else _listed(item)["struct"]}
    if isinstance(feature, dict):
        return {"struct": [{"name": name, **_listed(member)} for name, member in feature.items()]}
    return {"dtype": feature}
