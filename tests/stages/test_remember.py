"""What a curation adds to an index, and what the next one finds there."""

import json

import numpy as np
import pytest

from flows.errors import UsageError
from flows.index.index import Index
from flows.stages import adopt, curate, remember, vectors
from flows.stages.progress import Progress
from flows.stages.request import CurateRequest
from flows.store.jsonio import read_lines

MEANINGS = {"how often is a bilge pump serviced": [1, 0], "when must one look after the pump": [0.98, 0.2]}


class Encoder:
    """Knows two sentences that mean the same; all else means something else."""

    def encode(self, texts):
        return np.array([MEANINGS.get(text, [0, 1]) for text in texts], np.float32)


def adopted(folder, name, queries, encoder="mine"):
    (folder / f"{name}.jsonl").write_text("\n".join(json.dumps({"query": query, "pos": "Yes."}) for query in queries))
    off = '"too_short", "wrong_language", "wrong_script", "mixed_language", "shared_query"'
    request = CurateRequest(
        path=str(folder / f"{name}.jsonl"),
        out=str(folder / name),
        index=str(folder / "index"),
        changes=[f'curate.semantic={{encoder = "{encoder}"}}' if encoder else "rows=1", f"curate.off=[{off}]"],
    )
    with adopt.open_adoption(request) as adoption:
        adopt.bring_in(adoption, Progress())
    return adopt.job(adoption.layout, request.index)


def curated(job):
    for shard in curate.unmeasured(job):
        curate.measure_shard(job.layout, job.source, shard)
    curate.decide_all(job)
    remember.remember_rows(job)
    return [entry["detail"] for path in job.layout.root.glob("curate/dropped-*") for entry in read_lines(path)]


def test_what_means_the_same_as_a_row_of_an_earlier_run_goes(tmp_path, monkeypatch):
    monkeypatch.setattr(vectors.RowVectors.__init__, "__defaults__", (lambda name: Encoder(),))
    one, other = MEANINGS
    first = adopted(tmp_path, "first", [one, "why do sails tear"])
    assert curated(first) == []
    (kept, _) = curate.accepted_rows(first)
    second = adopted(tmp_path, "second", [other])
    assert curated(second) == [f"query means 0.98 that of {kept.id} of an earlier run"]
    for job in (second, first):  # again, and what came since drops nothing of the first
        curated(job)
    assert [row.query for row in curate.accepted_rows(first)] == [one, "why do sails tear"]
    assert Index(tmp_path / "index").counts() == {"query": 2, "query by mine": 2}


def test_an_index_without_vectors_is_refused_before_anything_is_read_but_by_those_whose_rows_it_holds(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(vectors.RowVectors.__init__, "__defaults__", (lambda name: Encoder(),))
    assert curated(adopted(tmp_path, "first", MEANINGS, encoder=None)) == []
    with pytest.raises(UsageError, match="2 of its rows have no vectors for"):
        adopted(tmp_path, "second", MEANINGS)
    assert not (tmp_path / "second" / "import").exists()
    assert curated(adopted(tmp_path, "first", MEANINGS)) != []
    assert curated(adopted(tmp_path, "second", MEANINGS)) != []
