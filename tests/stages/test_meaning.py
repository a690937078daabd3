import json

import numpy as np

from flows.curation.leak_policy import LeakPolicy
from flows.decontamination.leaks import leak_verdict
from flows.stages import adopt, benchmarks, meaning, vectors
from flows.stages.progress import Progress
from flows.stages.request import CurateRequest

MEANINGS = {"how often is a bilge pump serviced": [1, 0], "when must one look after the pump": [0.98, 0.2]}


class Encoder:
    """Knows two sentences that mean the same; all else means something else."""

    asked = 0

    def encode(self, texts):
        Encoder.asked += len(texts)
        return np.array([MEANINGS.get(text, [0, 1]) for text in texts], np.float32)


def test_a_query_that_means_what_a_benchmarks_does_is_a_leak_with_an_encoder(tmp_path, monkeypatch):
    for module in (meaning, vectors):
        monkeypatch.setattr(module, "open_encoder", lambda name: Encoder())
    monkeypatch.setattr(vectors.RowVectors.__init__, "__defaults__", (lambda name: Encoder(),))
    (tmp_path / "queries.jsonl").write_text(json.dumps({"text": next(iter(MEANINGS))}))
    rows = [
        {"query": query, "pos": "Once a season."}
        for query in ("when must one look after the pump", "why do sails tear")
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    request = CurateRequest(
        path=str(tmp_path / "rows.jsonl"),
        out=str(tmp_path / "run"),
        benchmarks=[str(tmp_path / "queries.jsonl")],
        changes=['curate.semantic={encoder = "mine"}'],
    )
    for _ in range(2):  # the second time nothing is encoded again
        with adopt.open_adoption(request) as adoption:
            adopt.bring_in(adoption, Progress())
        job = adopt.job(adoption.layout)
        benchmarks.prepare(job)
        for shard in benchmarks.unmatched(job):
            benchmarks.match_shard(job.layout, job.source, shard)
    found = benchmarks.leaks_by_place(job, 0)
    assert list(found) == [0]
    leaks = benchmarks.read_leaks({"benchmarks": found[0]})
    assert leak_verdict(leaks, LeakPolicy()).reason == "benchmark:queries.jsonl"
    assert leak_verdict(leaks, LeakPolicy(cosine=0.99)).keep
    assert Encoder.asked == 3
