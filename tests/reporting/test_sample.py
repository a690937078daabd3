import pytest

from flows.reporting.sample import fair_quotas, is_chosen, of_every_kind


@pytest.mark.parametrize(
    ("quota", "total", "places"),
    [(0, 3, []), (3, 3, [0, 1, 2]), (2, 10, [4, 9]), (3, 10, [3, 6, 9]), (1, 1, [0])],
    ids=["none", "all", "two of ten", "three of ten", "the only one"],
)
def test_chosen_places_lie_at_even_distances(quota, total, places):
    assert [place for place in range(total) if is_chosen(place, quota, total)] == places


@pytest.mark.parametrize(
    ("counts", "most", "quotas"),
    [
        ({}, 5, {}),
        ({"a": 2, "b": 3}, 10, {"a": 2, "b": 3}),
        ({"rare": 1, "often": 1000}, 10, {"rare": 1, "often": 9}),
        ({"a": 100, "b": 100, "c": 100}, 10, {"a": 3, "b": 3, "c": 4}),
        ({"a": 5, "b": 5}, 1, {"a": 0, "b": 1}),
    ],
    ids=["nothing", "enough for all", "rare kind", "equal kinds", "fewer places than kinds"],
)
def test_rare_kinds_keep_their_share(counts, most, quotas):
    assert fair_quotas(counts, most) == quotas


def test_every_kind_is_among_the_chosen_in_the_order_they_came():
    items = ["often"] * 40 + ["rare"] + ["often"] * 60
    chosen = list(of_every_kind(enumerate(items), lambda item: item[1], {"often": 100, "rare": 1}, 5))
    assert [kind for _, kind in chosen] == ["often", "rare", "often", "often", "often"]
    assert [place for place, _ in chosen] == [24, 40, 50, 75, 100]
