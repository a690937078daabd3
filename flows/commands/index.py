"""`triplesmith index`: say what an index of earlier runs holds, or build it from published data."""

import argparse
import sys
from pathlib import Path

from flows.curation.semantic import SemanticPolicy, open_encoder
from flows.errors import TriplesmithError, UsageError
from flows.index.index import Entries, Index
from flows.index.meanings import is_text, kind, policy_of
from flows.index.published import published_entries, published_vectors


def call(args: argparse.Namespace) -> int:
    """Print the counts, after building when sources are named; a damaged index is built anew as any other."""
    index = Index(Path(args.index))
    if args.sources:
        index.rebuild(_built(args, _held(index)))
    elif args.compare or args.encoder:
        raise UsageError("--compare and --encoder are for building an index: name published data with --from")
    counts = index.counts()
    if not counts:
        raise UsageError(f"{index.folder}: no index there yet; `triplesmith run --index` begins one, --from builds one")
    sys.stdout.write(f"{index.folder}:\n" + "".join(f"  {name}: {count:,}\n" for name, count in counts.items()))
    return 0


def _built(args: argparse.Namespace, held: list[str]) -> dict[str, Entries]:
    """Read what was asked for, or else what the index held, from published data; an encoder is for all but tasks."""
    compared = args.compare or [name for name in held if is_text(name)] or ["task", "query"]
    entries: dict[str, Entries] = {name: published_entries(args.sources, name) for name in compared}
    if args.encoder:
        policies = [SemanticPolicy(args.encoder, compare=name) for name in compared if name != "task"]
    else:
        policies = [policy_of(name) for name in held if not is_text(name)]
    for policy in policies:
        entries[kind(policy)] = published_vectors(args.sources, policy.compare, open_encoder(policy.encoder))
    return entries


def _held(index: Index) -> list[str]:
    """What an index held, or nothing when that cannot be said."""
    try:
        return [*index.counts()]
    except TriplesmithError:
        return []
