"""What was learnt about endpoints, kept in the run folder."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from flows.errors import StoreError
from flows.llm.memory import Memory
from flows.store.jsonio import loads, write_json
from flows.store.layout import Layout


def endpoint_memory(layout: Layout) -> Memory:
    """Open what earlier processes of the run learnt; a file that is missing or damaged is no more than lost time."""

    def save(entries: Mapping[str, Any]) -> None:
        if layout.manifest.exists():  # before that, the folder may belong to another run
            with suppress(StoreError):
                write_json(layout.endpoints, entries)

    try:
        entries = loads(layout.endpoints.read_bytes())
    except (OSError, ValueError):
        entries = None
    return Memory(entries if isinstance(entries, dict) else None, save)
