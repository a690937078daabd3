"""Say what made a run, and refuse to go on with a different one."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from flows.errors import StoreError, UsageError
from flows.ids import digest
from flows.store.jsonio import loads, write_json
from flows.store.layout import Layout

VERSION = 1
"""Version of the run folder's files."""


def claim(layout: Layout, parts: Mapping[str, Any]) -> str:
    """Write the manifest of a new run or check that of an old one; returns the fingerprint.

    `parts` holds all that changes the words and nothing else; the day of the first claim is kept beside it. Raises
    UsageError with the first differences when the folder belongs to another run.
    """
    fingerprint = digest(VERSION, parts)
    if not layout.manifest.exists():
        if layout.root.is_dir() and any(not path.name.startswith(".") for path in layout.root.iterdir()):
            raise UsageError(f"{layout.root}: holds files but no manifest.json; choose another --out")
        created = datetime.now(UTC).date().isoformat()
        made = {"version": VERSION, "fingerprint": fingerprint, "created": created, "parts": parts}
        write_json(layout.manifest, made)
        return fingerprint
    known = read_manifest(layout)
    if known["fingerprint"] != fingerprint:
        changes = list(_changes(known.get("parts", {}), parts))
        shown = "; ".join(changes[:3]) + ("; …" if len(changes) > 3 else "")
        raise UsageError(f"{layout.root} belongs to another run ({shown}); choose another --out")
    return fingerprint


def read_manifest(layout: Layout) -> dict[str, Any]:
    """Read the manifest; raises UsageError when the folder is no run, StoreError when the file is damaged."""
    try:
        manifest = loads(layout.manifest.read_bytes())
    except FileNotFoundError:
        raise UsageError(f"{layout.root}: no run there (manifest.json is missing)") from None
    except ValueError:
        raise StoreError(f"{layout.manifest}: is damaged") from None
    if not isinstance(manifest, dict) or not {"fingerprint", "created", "parts"} <= manifest.keys():
        raise StoreError(f"{layout.manifest}: is no manifest of a run")
    return manifest


def _changes(old: Any, new: Any, key: str = "") -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old, *new}):
            yield from _changes(old.get(name), new.get(name), f"{key}.{name}" if key else name)
    elif old != new:
        yield f"{key}: was {old!r:.40}, is {new!r:.40}"
