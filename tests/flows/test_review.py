import json

import pyarrow.parquet as pq

from flows.domain.reviews import Review
from flows.store.journal import Journal
from flows.store.jsonio import read_lines
from flows.store.layout import Layout


def published(run):
    paths = sorted((run / "publish" / "data" / "full").glob("*.parquet"))
    return {row["id"]: row for path in paths for row in pq.read_table(path).to_pylist()}


def test_verdicts_survive_a_rerun_of_the_run(cli, tmp_path):
    run = tmp_path / "t"
    assert cli("run", "--rows", 24, "--out", run).returncode == 0
    first, second = [data["id"] for data in read_lines(Layout(run).rows("curate", 0))][:2]
    before = published(run)
    with Journal(Layout(run).verdicts) as journal:
        journal.append(first, Review(False).to_json())
        journal.append(second, Review(True, query="new words").to_json())
    done = cli("run", "--rows", 24, "--out", run)
    assert done.returncode == 0, done.stderr
    after = published(run)
    assert before.keys() - after.keys() == {first}
    assert after[second]["query"] == "new words"
    assert {id_: row["query"] for id_, row in after.items() if id_ != second} == {
        id_: row["query"] for id_, row in before.items() if id_ not in (first, second)
    }
    stage = json.loads((run / "ledger.json").read_text())["stages"][-1]
    assert stage == {"name": "publish", "in": 24, "created": 0, "out": 23, "dropped": {"reviewed": 1}}
