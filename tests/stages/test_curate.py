from dataclasses import asdict, replace

import numpy as np

from flows.curation.policy import CurationPolicy
from flows.curation.semantic import SemanticPolicy
from flows.stages.curate import accepted_rows, decide_all, measure_shard
from flows.stages.job import Job
from flows.stages.plan import Round
from flows.stages.vectors import RowVectors
from flows.store.jsonio import write_json
from flows.store.layout import Layout
from flows.store.shards import ShardTally, seal
from tests.factories import row

QUERIES = (
    "how often should the bilge pump be serviced",
    "at what interval does the pump in the bilge need care",
    "which rope holds a mooring in strong tides",
)


class Topics:
    """Knows what a text is about."""

    def encode(self, texts):
        return np.array([["pump" in text, "rope" in text] for text in texts], np.float32)


def job(folder, source, queries, **policy):
    layout = Layout(folder)
    rows = [
        row(id=f"{query[:9]}", slot=slot, query=query, positives=(f"{query} is answered here", query[::-1]))
        for slot, query in enumerate(queries)
    ]
    seal(layout, source, 0, rows, [], ShardTally(len(rows), len(rows)))
    write_json(layout.round(source, 0), asdict(Round(0, 0, 1, len(rows), 0)))
    measure_shard(layout, source, 0)
    off = ("query_in_positive", "wrong_language", "too_short", "wrong_script", "mixed_language")
    return Job(layout, source, CurationPolicy(off=off, **policy))


def test_rows_that_mean_the_same_go_and_another_threshold_needs_no_encoder(tmp_path):
    policy = SemanticPolicy("topics", 0.9)
    curation = job(tmp_path, "generate", QUERIES, semantic=policy)
    RowVectors(curation, policy, lambda name: Topics()).of(0)
    tally = decide_all(curation)
    assert (tally.out, tally.dropped) == (2, {"semantic_duplicate": 1})
    assert [row.query for row in accepted_rows(curation)] == [QUERIES[0], QUERIES[2]]
    other = replace(curation.policy, semantic=replace(policy, families={"short_long": 1.0}))
    assert decide_all(replace(curation, policy=other)).out == 2  # their cosine is 1
    assert decide_all(replace(curation, policy=replace(other, semantic=None))).out == 3


def test_of_imported_rows_the_same_stay_whatever_order_they_come_in(tmp_path):
    near = [f"how often should the bilge pump of {name} ship be serviced" for name in ("one", "two", "that", "my")]

    def staying(folder, queries):
        curation = job(tmp_path / folder, "import", queries)
        assert decide_all(curation).dropped["near_duplicate"] == 3
        return {row.query for row in accepted_rows(curation)}

    assert staying("there", [*near, QUERIES[2]]) == staying("back", [QUERIES[2], *reversed(near)])
