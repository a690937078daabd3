"""Write and read the ledger of a run."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from flows.domain.ledger import BenchmarkAccount, ModelAccount, StageTally
from flows.errors import StoreError
from flows.store.jsonio import loads, write_json
from flows.store.layout import Layout


def write_ledger(
    layout: Layout,
    tallies: Sequence[StageTally],
    models: Sequence[ModelAccount] | None = None,
    benchmarks: Sequence[BenchmarkAccount] | None = None,
) -> None:
    """Write ledger.json; None leaves the models or benchmarks as they are.

    Raises StoreError when a stage does not balance, since then rows vanished.
    """
    if models is None:
        models = read_accounts(layout)
    if benchmarks is None:
        benchmarks = read_benchmarks(layout)
    for tally in tallies:
        if not tally.balanced:
            raise StoreError(f"the ledger of {tally.name} does not balance: {tally.to_json()}; please report this")
    stages = [tally.to_json() for tally in tallies]
    made_by = [account.to_json() for account in models]
    kept_from = [account.to_json() for account in benchmarks]
    write_json(layout.ledger, {"stages": stages, "models": made_by, **({"benchmarks": kept_from} if kept_from else {})})


def read_ledger(layout: Layout) -> list[StageTally]:
    """Read ledger.json; empty before a run wrote it. Raises StoreError when it is damaged."""
    with _reading(layout) as ledger:
        stages = ledger.get("stages", [])
        return [StageTally(s["name"], s["in"], s["created"], s["out"], s["dropped"]) for s in stages]


def read_accounts(layout: Layout) -> list[ModelAccount]:
    """Read what every model did from ledger.json; empty before a run wrote it. Raises StoreError when it is damaged."""
    with _reading(layout) as ledger:
        return [ModelAccount(**account) for account in ledger.get("models", [])]


def read_benchmarks(layout: Layout) -> list[BenchmarkAccount]:
    """Read what was found of benchmarks from ledger.json. Raises StoreError when it is damaged."""
    with _reading(layout) as ledger:
        found = ledger.get("benchmarks", [])
        return [BenchmarkAccount(b["name"], b["queries"], b["documents"], b["dropped"]) for b in found]


@contextmanager
def _reading(layout: Layout) -> Iterator[dict[str, Any]]:
    try:
        yield loads(layout.ledger.read_bytes()) if layout.ledger.exists() else {}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StoreError(f"{layout.ledger}: is damaged; run again to write it anew") from None
