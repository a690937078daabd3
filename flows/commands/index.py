"""`triplesmith index`: say what an index of earlier runs holds, or build it from published data."""

import argparse
import sys
from pathlib import Path

from flows.curation.near.policy import Compare
from flows.errors import TriplesmithError, UsageError
from flows.index.index import Index
from flows.index.published import published_entries


def call(args: argparse.Namespace) -> int:
    """Print the counts, after building when sources are named; a damaged index is built anew as any other."""
    index = Index(Path(args.index))
    if args.sources:
        compared: tuple[Compare, ...] = args.compare or _held(index) or ("task", "query")
        index.rebuild({compare: published_entries(args.sources, compare) for compare in compared})
    elif args.compare:
        raise UsageError("--compare is for building an index: name published data with --from")
    counts = index.counts()
    if not counts:
        raise UsageError(f"{index.folder}: no index there yet; `triplesmith run --index` begins one, --from builds one")
    sys.stdout.write(f"{index.folder}:\n" + "".join(f"  {name}: {count:,}\n" for name, count in counts.items()))
    return 0


def _held(index: Index) -> tuple[Compare, ...]:
    """What an index held, or nothing when that cannot be said."""
    try:
        return tuple(index.counts())
    except TriplesmithError:
        return ()
