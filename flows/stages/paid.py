"""Add up what a run has paid for, from its folder alone."""

from collections.abc import Iterator, Mapping

from flows.llm.meter import Paid, Rates
from flows.stages.plan import read_plan, read_rounds
from flows.store.journal import read_journal
from flows.store.layout import Layout
from flows.store.manifest import read_manifest
from flows.store.shards import ModelTally, sealed

ASKING = ("brainstorm", "generate")
"""Stages that ask models."""


def paid_before(layout: Layout, rates: Mapping[str, Rates]) -> Paid:
    """Add up finished shards, and the replies on disk of unfinished ones."""
    total = Paid()
    for entry, tally in _tallies(layout):
        read, write = rates.get(entry, (0.0, 0.0))
        cost = tally.tokens_in * read + tally.tokens_out * write
        total += Paid(tally.requests, tally.tokens_in, tally.tokens_out, cost)
    return total


def _tallies(layout: Layout) -> Iterator[tuple[str, ModelTally]]:
    if not layout.manifest.exists():
        return
    fingerprint = read_manifest(layout)["fingerprint"]
    for stage in ASKING:
        for planned in read_rounds(layout, stage):
            for shard in planned.numbers:
                tally = sealed(layout, stage, shard)
                yield from tally.models.items() if tally else _journaled(layout, stage, shard, fingerprint)


def _journaled(layout: Layout, stage: str, shard: int, fingerprint: str) -> Iterator[tuple[str, ModelTally]]:
    """Give the replies of an unfinished shard, one by one."""
    entries: dict[str, str] | None = None
    for key, reply in read_journal(layout.calls(stage, shard)):
        if "rejected" not in reply:
            entries = entries or {ask.unit.key(fingerprint): ask.unit.model for ask in read_plan(layout, stage, shard)}
            entry = entries.get(key.partition(".")[0], "")
            yield entry, ModelTally(requests=1, tokens_in=reply["tokens_in"], tokens_out=reply["tokens_out"])
