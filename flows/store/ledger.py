"""Write and read the ledger of a run."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from flows.domain.ledger import ModelAccount, StageTally
from flows.errors import StoreError
from flows.store.jsonio import loads, write_json
from flows.store.layout import Layout


def write_ledger(layout: Layout, tallies: Sequence[StageTally], models: Sequence[ModelAccount] | None = None) -> None:
    """Write ledger.json; None leaves the models as they are.

    Raises StoreError when a stage does not balance, since then rows vanished.
    """
    if models is None:
        models = read_accounts(layout)
    for tally in tallies:
        if not tally.balanced:
            raise StoreError(f"the ledger of {tally.name} does not balance: {tally.to_json()}; please report this")
    stages = [tally.to_json() for tally in tallies]
    write_json(layout.ledger, {"stages": stages, "models": [account.to_json() for account in models]})


def read_ledger(layout: Layout) -> list[StageTally]:
    """Read ledger.json; empty before a run wrote it. Raises StoreError when it is damaged."""
    with _reading(layout) as ledger:
        stages = ledger.get("stages", [])
        return [StageTally(s["name"], s["in"], s["created"], s["out"], s["dropped"]) for s in stages]


def read_accounts(layout: Layout) -> list[ModelAccount]:
    """Read what every model did from ledger.json; empty before a run wrote it. Raises StoreError when it is damaged."""
    with _reading(layout) as ledger:
        return [ModelAccount(**account) for account in ledger.get("models", [])]


@contextmanager
def _reading(layout: Layout) -> Iterator[dict[str, Any]]:
    try:
        yield loads(layout.ledger.read_bytes()) if layout.ledger.exists() else {}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StoreError(f"{layout.ledger}: is damaged; run again to write it anew") from None
