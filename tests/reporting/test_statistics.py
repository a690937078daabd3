from collections import Counter

import pytest

from flows.domain.records import Text
from flows.reporting.data import Hardness, Length, Overlap, Scores, Spread
from flows.reporting.statistics import Overlaps, Statistics, spread
from tests.factories import row


def counted(*rows) -> Statistics:
    statistics = Statistics()
    assert list(statistics.watch(rows)) == list(rows)
    return statistics


def asked(low, high, *words):
    """A row whose positive has so many words each, and whose bounds for it are these."""
    requested = {"words": {"positives": [low, high]}} if low else {}
    return row(requested=requested, measured={"words": {"positives": list(words)}})


@pytest.mark.parametrize(
    ("numbers", "found"),
    [
        ([7], Spread(7, 7, 7, 7, 7)),
        (range(1, 101), Spread(1, 10, 50, 90, 100)),
        ([1, 1, 1, 1, 50], Spread(1, 1, 1, 50, 50)),
    ],
    ids=["one", "hundred", "skewed"],
)
def test_quantiles_are_exact(numbers, found):
    assert spread(Counter(numbers)) == found


def test_lengths_are_held_against_their_own_bounds():
    statistics = counted(asked(50, None, 40), asked(50, None, 60), asked(5, 15, 4, 10, 16), asked(0, None, 3))
    assert statistics.lengths == (
        Length("short_long", "positives", 0, None, 1, 0, 0, Spread(3, 3, 3, 3, 3)),
        Length("short_long", "positives", 5, 15, 3, 1, 1, Spread(4, 4, 10, 16, 16)),
        Length("short_long", "positives", 50, None, 2, 1, 0, Spread(40, 40, 40, 60, 60)),
    )


def test_rows_without_a_negative_say_nothing_of_hardness():
    close = {"negative_like_positive": 1.0}
    statistics = counted(row(measured=close), row(measured={"negative_like_positive": 0.25}), row(negatives=()))
    assert statistics.hardness == (Hardness("short_long", 2, (0, 0, 1, 0, 0, 0, 0, 0, 0, 1)),)


def test_scores_are_kept_apart_by_scorer_and_side():
    graded = row(positives=(Text("p", scores={"dense": 0.99}),), negatives=(Text("n", scores={"dense": 0.31}),))
    assert counted(graded).scores == (Scores("dense", (0, 0, 0, 0, 0, 0, 0, 0, 0, 1), (0, 0, 0, 1, 0, 0, 0, 0, 0, 0)),)


def test_crossing_rows_and_replayed_ones_are_counted():
    replayed = row().generator.__class__("m", "p@1+0", recorded=True)
    statistics = counted(row(document_language="de"), row(generator=replayed))
    assert (statistics.crossing, statistics.recorded) == (1, 1)
    assert statistics.cells == {("short_long", "en"): 2}


def test_overlap_is_the_share_of_the_querys_words():
    rows = [row(query="bilge pump service", positives=("The bilge pump!",), negatives=("service",))]
    other_language = row(document_language="de", positives=("bilge",), negatives=("bilge",))
    overlaps = Overlaps()
    for one in (*rows, other_language, row(negatives=())):
        overlaps.add(one)
    assert overlaps.by_family == (Overlap("short_long", 1, 0.6667, 0.3333),)
