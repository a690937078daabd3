from typing import Any

import pytest

from flows.llm.policy import CallPolicy


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"concurrency": 0}, "concurrency"),
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
