"""Run folders to report on."""

import zlib
from base64 import b64decode
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import tomli_w

from flows.curation.measure import measure
from flows.domain.ledger import ModelAccount, StageTally
from flows.domain.records import Row
from flows.domain.units import Dropped, Unit
from flows.reporting.data import ReportData
from flows.store.jsonio import loads, write_lines
from flows.store.layout import Layout
from flows.store.ledger import write_ledger
from flows.store.manifest import claim
from flows.store.shards import ShardTally, seal
from tests.factories import row

RECIPE = {
    "name": "boats",
    "description": "Boats & <b>sails</b>",
    "rows": 4,
    "languages": {"en": 0.75, "ar": 0.25},
    "families": {
        "short_long": {"share": 0.75, "prompt": "e5/short_long"},
        "sts": {"share": 0.25, "prompt": "e5/sts"},
    },
    "prices": {"m": {"input": 1.0, "output": 10.0}},
}


def numbered(number: int, **changes) -> Row:
    """A row with an id like those of a run."""
    return row(id=f"{number:016x}", slot=number, **changes)


def measured(one: Row) -> Row:
    return replace(one, measured=measure(one))


def dropped_row(one: Row, reason: str, detail: str) -> Dropped:
    return Dropped(one.id, reason, detail, measured(one).to_json())


def dropped_unit(number: int, reason: str, reply: str | None) -> Dropped:
    unit = Unit("generate", "sts", number, 0, "e5/sts", {"language": "English", "unit": "sentence", "sample": 1})
    content = {name: getattr(unit, name) for name in Unit.__slots__}
    return Dropped(f"{number:016x}", reason, "no JSON object in the reply", {**content, "reply": reply})


def make_run(
    root: Path, accepted: Sequence[Row], dropped: Sequence[Dropped] = (), unwritten: Sequence[Dropped] = (), **recipe
) -> Layout:
    """Write the files of a finished run that its report reads: `dropped` by curation, `unwritten` by generation."""
    layout = Layout(root)
    recipe = {**RECIPE, **recipe}
    claim(layout, {"recipe": {"name": recipe["name"]}, "llm": [{"name": "", "kind": "http", "model": "m"}]})
    layout.recipe.write_text(tomli_w.dumps(recipe), encoding="utf-8")
    written = len(accepted) + len(dropped)
    spent = {"requests": {"short_long": written, "sts": 1}, "pace": {"1000003": (8, 400), "1000005": (2, 100)}}
    seal(layout, "brainstorm", 0, [], [], ShardTally(0, 0, requests={"sts": 1}, pace={"1000000": (1, 50)}))
    seal(layout, "generate", 0, [], unwritten, ShardTally(written + len(unwritten), written, **spent))
    write_lines(layout.rows("curate", 0), (measured(one) for one in accepted))
    write_lines(layout.dropped("curate", 0), dropped)
    reasons, lost = Counter(one.reason for one in dropped), Counter(one.reason for one in unwritten)
    write_ledger(
        layout,
        [
            StageTally("generate", created=written + len(unwritten), out=written, dropped=lost),
            StageTally("curate", entered=written, out=len(accepted), dropped=reasons),
            StageTally("publish", entered=len(accepted), out=len(accepted)),
        ],
        [
            ModelAccount(
                "m",
                "m",
                written + len(unwritten),
                len(accepted),
                lost + reasons,
                written + len(unwritten) + 1,
                tokens_in=4_000_000,
                tokens_out=200_000,
                cost=6.0,
            )
        ],
    )
    return layout


def held_rows(data: ReportData) -> list[dict]:
    """The rows that a page of this run holds, unpacked as a browser does it."""
    return [row for block in data.held.blocks for row in loads(zlib.decompress(b64decode(block)))]


def bytes_of(layout: Layout, stage: str, kind: str) -> int:
    return sum(path.stat().st_size for path in layout.stage(stage).glob(f"{kind}-*.jsonl"))
