import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.curation.exact import exact_twins


@pytest.mark.parametrize(
    ("keys", "twins"),
    [
        ([], []),
        (["a", "b"], [None, None]),
        (["a", "b", "a", "a", "b"], [None, None, 0, 0, 1]),
    ],
)
def test_the_first_of_equal_keys_stays(keys, twins):
    assert exact_twins(keys) == twins


@given(st.lists(st.sampled_from("abcd")))
def test_one_of_each_key_stays_and_twins_point_to_it(keys):
    twins = exact_twins(keys)
    kept = [key for key, twin in zip(keys, twins, strict=True) if twin is None]
    assert sorted(kept) == sorted(set(keys))
    assert all(
        twin is None or (keys[twin] == key and twins[twin] is None) for key, twin in zip(keys, twins, strict=True)
    )
