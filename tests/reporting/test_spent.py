import pytest

from flows.reporting.data import Session
from flows.reporting.spent import MOST_SPANS, read_sessions
from flows.store.layout import Layout
from flows.store.shards import ShardTally, seal


def paced(root, *paces) -> Layout:
    layout = Layout(root)
    for shard, pace in enumerate(paces):
        seal(layout, "generate", shard, [], [], ShardTally(1, 1, pace={str(at): came for at, came in pace.items()}))
    return layout


def test_replies_of_all_shards_are_added_up_second_by_second(tmp_path):
    layout = paced(tmp_path, {100: (3, 30), 102: (1, 5)}, {100: (2, 20)})
    assert read_sessions(layout) == (Session(100, 1, (5, 0, 1), (50, 0, 5)),)


def test_a_long_rest_begins_a_session_and_a_short_one_does_not(tmp_path):
    layout = paced(tmp_path, {0: (1, 1), 90: (1, 1), 1000: (4, 4)})
    first, second = read_sessions(layout)
    assert (sum(first.replies), second) == (2, Session(1000, 1, (4,), (4,)))


@pytest.mark.parametrize(("lasting", "seconds"), [(140, 1), (200, 2), (3600, 30), (8 * 3600, 300), (40 * 86400, 86400)])
def test_spans_are_as_wide_as_a_chart_needs(tmp_path, lasting, seconds):
    layout = paced(tmp_path, {at: (1, 2) for at in range(0, lasting, max(1, lasting // 2000))})
    (session,) = read_sessions(layout)
    assert session.seconds == seconds
    assert len(session.replies) <= MOST_SPANS
    assert sum(session.tokens) == 2 * sum(session.replies)


def test_a_folder_of_an_older_version_has_no_times(tmp_path):
    assert read_sessions(paced(tmp_path, {})) == ()
