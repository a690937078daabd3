import json
from dataclasses import replace

from flows.curation.policy import CurationPolicy
from flows.domain.records import Text
from flows.domain.units import Dropped
from flows.stages.job import Job
from flows.stages.quality import describe, warnings
from flows.store.jsonio import write_lines
from flows.store.layout import Layout
from flows.store.quality import read_quality
from flows.store.shards import ShardTally, seal
from tests.factories import GENERATOR, row

WORDS = "pump keel sail mast buoy rope deck hull oar tide".split()


def rows(count, ending=""):
    for number in range(count):
        said = " ".join(WORDS[(number * step) % 10] for step in range(1, 9))
        negative = Text(f"{number} {said}{ending}", origin="llm" if number % 2 else "bm25")
        yield row(
            id=f"{number}", query=f"what of {said} {number}", positives=[f"{said} {number}"], negatives=[negative],
            requested={"clarity": "clear" if number % 4 else "vague", "words": {}},
        )  # fmt: skip


def curated(folder, made, dropped=()):
    layout = Layout(folder)
    seal(layout, "generate", 0, made, [], ShardTally(len(made), len(made)))
    (layout.stage("generate") / "round-00000.json").write_text(
        json.dumps({"number": 0, "first": 0, "shards": 1, "units": len(made), "rows": len(made)})
    )
    write_lines(layout.rows("curate", 0), made)
    write_lines(layout.dropped("curate", 0), dropped)
    return Job(layout, "generate", CurationPolicy())


def test_variety_models_axes_and_audit_are_written_beside_the_rows(tmp_path):
    made = list(rows(80))
    repeat = replace(made[0], id="x", generator=replace(GENERATOR, model="parrot"))
    job = curated(tmp_path, made, [Dropped("x", "near_duplicate", "", repeat.to_json())])
    quality = describe(job)
    assert json.loads(json.dumps(quality)) == read_quality(job.layout)
    assert quality["diversity"]["models"] == {"m": {"rows": 80, "repeated": 0}, "parrot": {"rows": 1, "repeated": 1}}
    family = quality["diversity"]["families"]["short_long"]
    assert family["axes"] == {"clarity": {"clear": [60, 60], "vague": [21, 20]}}
    assert family["tasks"] == {"tasks": 1, "kinds": 1, "evenness": 0.0}
    assert family["queries"]["en"]["texts"] == 80
    assert quality["audit"]["short_long"]["rows"] == 80


def test_sides_that_style_tells_apart_are_warned_of(tmp_path):
    told = warnings(describe(curated(tmp_path, list(rows(80, " However, this is another matter.")))))
    assert "never sees the query tells positives from negatives with AUC 1.00 (above 0.65)" in told[0]


def test_few_rows_are_not_audited(tmp_path):
    assert describe(curated(tmp_path, list(rows(20))))["audit"] == {}
