import json

import pytest

from flows.stages import adopt, curate
from flows.stages.progress import Progress
from flows.stages.request import CurateRequest
from tests.curation.texts import TRIPLES


def adopted(path, out, **wishes):
    with adopt.open_adoption(CurateRequest(path=str(path), out=str(out), **wishes)) as adoption:
        tally = adopt.bring_in(adoption, Progress())
    job = adopt.job(adoption.layout)
    for shard in curate.unmeasured(job):
        curate.measure_shard(job.layout, job.source, shard)
    return tally, curate.decide_all(job), adoption.layout


def content(layout):
    return {
        path.relative_to(layout.root): path.read_bytes()
        for path in layout.root.rglob("*")
        if path.is_file() and path.name not in (".lock", "manifest.json")
    }


@pytest.fixture
def source(tmp_path):
    records = [dict(zip(("query", "pos", "neg"), (q, [p], [n]), strict=True)) for q, p, n in TRIPLES.values()]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, records)))
    return path


def test_an_import_that_was_killed_begins_anew_and_ends_the_same(source, tmp_path, monkeypatch):
    monkeypatch.setattr(adopt, "SHARD", 16)
    tally, curated, whole = adopted(source, tmp_path / "whole")
    assert tally.out == curated.out == len(TRIPLES)

    class KilledError(Exception):
        pass

    def seal(layout, stage, shard, *rest):
        if shard == 2:
            raise KilledError
        return sealed(layout, stage, shard, *rest)

    sealed = adopt.seal
    monkeypatch.setattr(adopt, "seal", seal)
    with pytest.raises(KilledError):
        adopted(source, tmp_path / "torn")
    monkeypatch.setattr(adopt, "seal", sealed)
    assert content(adopted(source, tmp_path / "torn")[2]) == content(whole)


def test_score_files_of_another_version_are_measured_anew(source, tmp_path, monkeypatch):
    _, _, layout = adopted(source, tmp_path / "run")
    job = adopt.job(layout)
    assert curate.unmeasured(job) == []
    monkeypatch.setattr(curate, "VERSION", curate.VERSION + 1)
    assert curate.unmeasured(job) == [0]
    layout.scores("curate", 0).write_text('{"words": {}}\n')
    assert curate.unmeasured(job) == [0]


def test_one_sentence_may_stand_in_many_graded_pairs(tmp_path):
    pairs = [
        {"sentence1": "The pump is old.", "sentence2": text, "score": score}
        for text, score in (("The pump is not new.", 4.5), ("An anchor holds boats.", 0.5), ("Sails need wind.", 0.0))
    ]
    (tmp_path / "sts.jsonl").write_text("\n".join(map(json.dumps, pairs)))
    tally, curated, _ = adopted(tmp_path / "sts.jsonl", tmp_path / "run")
    assert (tally.out, curated.out, curated.dropped) == (3, 3, {})
