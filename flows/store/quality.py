"""Write and read what describes a run's curated rows: `diversity.json` and `audit.json`."""

from collections.abc import Mapping
from typing import Any

from flows.store.jsonio import loads, write_json
from flows.store.layout import Layout

FILES = ("diversity", "audit")


def write_quality(layout: Layout, quality: Mapping[str, Any]) -> None:
    """Write both files beside the curated rows."""
    for name in FILES:
        write_json(layout.stage("curate") / f"{name}.json", quality[name])


def read_quality(layout: Layout) -> dict[str, Any]:
    """Read both files; each is empty before curation is final."""
    paths = {name: layout.stage("curate") / f"{name}.json" for name in FILES}
    return {name: loads(path.read_bytes()) if path.exists() else {} for name, path in paths.items()}
