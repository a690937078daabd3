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
    warnings: Sequence[str] | None = None,
) -> None:
    """Write ledger.json; None leaves models, benchmarks or warnings as they are.

    Raises StoreError when a stage does not balance, since then rows vanished.
    """
    if models is None:
        models = read_accounts(layout)
    if benchmarks is None:
        benchmarks = read_benchmarks(layout)
    if warnings is None:
        warnings = read_warnings(layout)
    for tally in tallies:
        if not tally.balanced:
            raise StoreError(f"the ledger of {tally.name} does not balance: {tally.to_json()}; please report this")
    stages = [tally.to_json() for tally in tallies]
    made_by = [account.to_json() for account in models]
    further = {"benchmarks": [account.to_json() for account in benchmarks], "warnings": list(warnings)}
    found = {name: value for name, value in further.items() if value}
    write_json(layout.ledger, {"stages": stages, "models": made_by, **found})


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


def read_warnings(layout: Layout) -> list[str]:
    """Read from ledger.json what a person should know before using the rows. Raises StoreError when it is damaged."""
    with _reading(layout) as ledger:
        return [str(words) for words in ledger.get("warnings", [])]


@contextmanager
def _reading(layout: Layout) -> Iterator[dict[str, Any]]:
    try:
        yield loads(layout.ledger.read_bytes()) if layout.ledger.exists() else {}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StoreError(f"{layout.ledger}: is damaged; run again to write it anew") from None
