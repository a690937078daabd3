"""Add up the calls that a run made."""

from collections import Counter
from collections.abc import Mapping

from flows.store.jsonio import loads
from flows.store.layout import Layout
from flows.store.shards import ShardTally

ASKING = ("brainstorm", "generate")
"""Stages that ask models."""


def read_requests(layout: Layout) -> Mapping[str, int]:
    """Give the calls answered by family, the most frequent first, of the finished shards of all stages."""
    requests: Counter[str] = Counter()
    for path in (path for stage in ASKING for path in sorted(layout.stage(stage).glob("tally-*.json"))):
        requests.update(ShardTally.from_json(loads(path.read_bytes())).requests)
    return dict(requests.most_common())
