from typing import Any

import pytest

from flows.llm.policy import CallPolicy


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"concurrency": 0}, "concurrency"),
        ({"start": 0}, "start"),
        ({"start": 65}, "start"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"max_stall": -1}, "max_stall"),
        ({"attempts": 0}, "attempts"),
        ({"backoff": -1}, "backoff"),
        ({"backoff": 30}, "backoff"),
    ],
    ids=str,
)
def test_a_value_that_cannot_be_is_named(fields: dict[str, Any], says: str):
    with pytest.raises(ValueError, match=says):
        CallPolicy(**fields)


@pytest.mark.parametrize(
    ("fields", "limit"), [({}, 64), ({"start": 5}, 5), ({"adaptive": False}, 64), ({"concurrency": 1}, 1)], ids=str
)
def test_a_run_begins_with_all_that_is_allowed_or_as_it_is_told(fields: dict[str, Any], limit: int):
    assert CallPolicy(**fields).first_limit == limit
