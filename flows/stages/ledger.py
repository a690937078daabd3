"""Add up the ledger of a run, and lay it out for people."""

from collections.abc import Sequence

from flows.domain.ledger import StageTally, total
from flows.stages import generate
from flows.stages.plan import read_rounds
from flows.stages.work import Work
from flows.store.shards import sealed


def generated(work: Work) -> StageTally:
    """Add up the sealed shards of the generate stage."""
    shards = [shard for planned in read_rounds(work.layout, generate.STAGE) for shard in planned.numbers]
    tallies = [tally for shard in shards if (tally := sealed(work.layout, generate.STAGE, shard))]
    return total(generate.STAGE, (StageTally("", created=t.created, out=t.out, dropped=t.dropped) for t in tallies))


def ledger_markdown(tallies: Sequence[StageTally]) -> str:
    """Lay the ledger out as a Markdown table."""
    lines = ["| stage | in | created | out | dropped |", "| --- | ---: | ---: | ---: | --- |"]
    for tally in tallies:
        reasons = ", ".join(f"{count} {reason}" for reason, count in tally.by_reason.items()) or "none"
        lines.append(f"| {tally.name} | {tally.entered} | {tally.created} | {tally.out} | {reasons} |")
    return "\n".join(lines)


def ledger_table(tallies: Sequence[StageTally]) -> list[dict[str, str | int]]:
    """Give a line for every stage and reason."""
    return [
        {"stage": tally.name, "reason": reason, "rows": count}
        for tally in tallies
        for reason, count in [("(out)", tally.out), *tally.dropped.items()]
    ]
