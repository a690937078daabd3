"""The ledger of a run: assemble, write, read, show."""

from collections.abc import Sequence

from flows.domain.ledger import StageTally, total
from flows.errors import StoreError
from flows.stages import generate
from flows.stages.plan import read_rounds
from flows.stages.work import Work
from flows.store.jsonio import loads, write_json
from flows.store.layout import Layout
from flows.store.shards import sealed


def generated(work: Work) -> StageTally:
    """Add up the sealed shards of the generate stage."""
    shards = [shard for planned in read_rounds(work.layout, generate.STAGE) for shard in planned.numbers]
    tallies = [tally for shard in shards if (tally := sealed(work.layout, generate.STAGE, shard))]
    return total(generate.STAGE, (StageTally("", created=t.created, out=t.out, dropped=t.dropped) for t in tallies))


def write_ledger(layout: Layout, tallies: Sequence[StageTally]) -> None:
    """Write ledger.json; raises StoreError when a stage does not balance, since then rows vanished."""
    for tally in tallies:
        if not tally.balanced:
            raise StoreError(f"the ledger of {tally.name} does not balance: {tally.to_json()}; please report this")
    write_json(layout.ledger, {"stages": [tally.to_json() for tally in tallies]})


def read_ledger(layout: Layout) -> list[StageTally]:
    """Read ledger.json; empty before a run wrote it."""
    if not layout.ledger.exists():
        return []
    stages = loads(layout.ledger.read_bytes())["stages"]
    return [StageTally(s["name"], s["in"], s["created"], s["out"], s["dropped"]) for s in stages]


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
