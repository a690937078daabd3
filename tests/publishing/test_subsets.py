from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.publishing.subsets import nearest_subset

SIZES = st.lists(st.integers(1, 12), max_size=9)


@given(SIZES, st.integers(0, 60))
def test_no_proper_subset_is_nearer(sizes, goal):
    chosen = nearest_subset(sizes, goal)
    sums = {sum(part) for count in range(max(1, len(sizes))) for part in combinations(sizes, count)}
    assert len(chosen) < max(1, len(sizes))
    assert abs(goal - sum(sizes[place] for place in chosen)) == min(abs(goal - total) for total in sums)


@pytest.mark.parametrize(
    ("sizes", "goal", "chosen"),
    [
        ([3, 1, 2, 5], 4, {0, 1}),
        ([6, 5, 5], 10, {1, 2}),
        ([1, 2, 2, 2], 4, {1, 2}),
        ([40, 60], 50, {0}),
        ([7], 7, set()),
        ([], 3, set()),
    ],
    ids=["first that fit", "not the first", "exact", "smaller of two as near", "last one stays", "none"],
)
def test_which_groups(sizes, goal, chosen):
    assert nearest_subset(sizes, goal) == chosen


def test_a_hundred_thousand_groups_are_hit_exactly():
    sizes = [2, 1, 3, 2] * 25_000
    chosen = nearest_subset(sizes, 9_999)
    assert sum(sizes[place] for place in chosen) == 9_999
