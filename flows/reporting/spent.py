"""Add up the calls that a run made, and when their replies came."""

from collections import Counter
from collections.abc import Iterator, Mapping

from flows.reporting.data import Session
from flows.store.jsonio import loads
from flows.store.layout import Layout
from flows.store.shards import Pace, ShardTally, add_paces

ASKING = ("brainstorm", "generate")
"""Stages that ask models."""
MOST_SPANS = 150
"""Spans of all sessions together, as many as a chart can show."""
WIDTHS = (1, 2, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400)
"""Seconds of a span: the least that leaves few enough of them."""
PAUSE = 300
"""Seconds without a reply after which a new session begins."""


def read_requests(layout: Layout) -> Mapping[str, int]:
    """Give the calls answered by family, the most frequent first, of the finished shards of all stages."""
    requests: Counter[str] = Counter()
    for tally in _tallies(layout):
        requests.update(tally.requests)
    return dict(requests.most_common())


def read_sessions(layout: Layout) -> tuple[Session, ...]:
    """Give the replies over time, cut where the run rested; empty where no time was kept."""
    pace = add_paces(*(tally.pace for tally in _tallies(layout)))
    for seconds in WIDTHS:
        sessions = tuple(_sessions(pace, seconds))
        if sum(len(session.replies) for session in sessions) <= MOST_SPANS:
            break
    return sessions


def _sessions(pace: Pace, seconds: int) -> Iterator[Session]:
    spans = add_paces(*({str(int(second) // seconds): came} for second, came in pace.items()))
    group: list[int] = []
    for span in sorted(map(int, spans)):
        if group and (span - group[-1]) * seconds > max(PAUSE, seconds):
            yield _session(group, seconds, spans)
            group = []
        group.append(span)
    if group:
        yield _session(group, seconds, spans)


def _session(group: list[int], seconds: int, spans: Pace) -> Session:
    came = [spans.get(str(span), (0, 0)) for span in range(group[0], group[-1] + 1)]
    replies, tokens = (tuple(column) for column in zip(*came, strict=True))
    return Session(group[0] * seconds, seconds, replies, tokens)


def _tallies(layout: Layout) -> Iterator[ShardTally]:
    for path in (path for stage in ASKING for path in sorted(layout.stage(stage).glob("tally-*.json"))):
        yield ShardTally.from_json(loads(path.read_bytes()))
