"""Write and read the ledger of a run."""

from collections.abc import Sequence

from flows.domain.ledger import StageTally
from flows.errors import StoreError
from flows.store.jsonio import loads, write_json
from flows.store.layout import Layout


def write_ledger(layout: Layout, tallies: Sequence[StageTally]) -> None:
    """Write ledger.json; raises StoreError when a stage does not balance, since then rows vanished."""
    for tally in tallies:
        if not tally.balanced:
            raise StoreError(f"the ledger of {tally.name} does not balance: {tally.to_json()}; please report this")
    write_json(layout.ledger, {"stages": [tally.to_json() for tally in tallies]})


def read_ledger(layout: Layout) -> list[StageTally]:
    """Read ledger.json; empty before a run wrote it. Raises StoreError when it is damaged."""
    if not layout.ledger.exists():
        return []
    try:
        stages = loads(layout.ledger.read_bytes())["stages"]
        return [StageTally(s["name"], s["in"], s["created"], s["out"], s["dropped"]) for s in stages]
    except (ValueError, KeyError, TypeError):
        raise StoreError(f"{layout.ledger}: is damaged; run again to write it anew") from None
