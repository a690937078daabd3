from dataclasses import asdict

from flows import spread
from flows.stages.plan import Round
from flows.store.jsonio import write_json
from flows.store.layout import Layout
from flows.store.shards import ShardTally, seal
from tests.factories import row

SHARDS = 3


def folder(path):
    layout = Layout(path)
    for shard in range(SHARDS):
        rows = [row(id=f"{shard}-{number}", query=f"what is the pump of boat {number}") for number in range(5)]
        seal(layout, "import", shard, rows, [], ShardTally(len(rows), len(rows)))
    write_json(layout.round("import", 0), asdict(Round(0, 0, SHARDS, 5 * SHARDS, 0)))
    return layout


async def test_several_processes_measure_what_one_does(prefect_api, tmp_path):
    from flows.curate import measure_shard

    scores, done = [], []
    for processes in (1, 2):
        layout = folder(tmp_path / str(processes))
        calls = [{"run": str(layout.root), "source": "import", "shard": shard} for shard in range(SHARDS)]
        await spread.spread(measure_shard, calls, processes, lambda: done.append(0))
        scores.append([layout.scores("curate", shard).read_bytes() for shard in range(SHARDS)])
    assert scores[0] == scores[1]
    assert len(done) == 2 * SHARDS


def test_processes_are_started_where_there_is_work_for_them(tmp_path, monkeypatch):
    files = [tmp_path / name for name in "abc"]
    for file in files:
        file.write_bytes(b"x" * 10)
    assert spread.worthwhile(files, None) == 1
    monkeypatch.setattr(spread, "WORTH", 30)
    assert spread.worthwhile(files, 2) == 2
    assert spread.worthwhile(files, 8) == 3
    assert spread.worthwhile([], None) == 1
    assert 1 <= spread.worthwhile(files, None) <= 3
