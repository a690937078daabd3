"""`triplesmith status`: say how far a run is."""

import argparse
import sys
from pathlib import Path

from flows.recipes.folder import read_recipe
from flows.stages import adopt, brainstorm, generate
from flows.stages.ledger import accounts_markdown, ledger_markdown
from flows.stages.models import label
from flows.stages.plan import read_rounds
from flows.store.layout import Layout
from flows.store.ledger import read_accounts, read_ledger
from flows.store.lock import is_locked
from flows.store.manifest import read_manifest
from flows.store.shards import sealed


def call(args: argparse.Namespace) -> int:
    """Print what is finished and what is left."""
    layout = Layout(Path(args.run))
    manifest = read_manifest(layout)
    recipe = read_recipe(layout)
    llm = manifest["parts"].get("llm")
    made_by = f"model {', '.join(label(**model) for model in llm)}" if llm else "made elsewhere"
    lines = [f"{layout.root}: recipe {recipe.name}, {recipe.rows} rows, {made_by}"]
    for stage in (brainstorm.STAGE, generate.STAGE) if llm else (adopt.STAGE,):
        rounds = read_rounds(layout, stage)
        shards = [shard for planned in rounds for shard in planned.numbers]
        done = sum(sealed(layout, stage, shard) is not None for shard in shards)
        units = sum(planned.units for planned in rounds)
        lines.append(f"{stage}: {done} of {len(shards)} shards done, {units} units in {len(rounds)} rounds")
    ledger = read_ledger(layout)
    if ledger:
        lines += ["", ledger_markdown(ledger), "", accounts_markdown(read_accounts(layout))]
    if is_locked(layout):
        lines.append("a process is working on it now")
    elif not ledger or ledger[-1].name != "publish":
        lines.append("not finished: the same command continues it")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0
