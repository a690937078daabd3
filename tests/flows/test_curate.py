import json
from pathlib import Path

import pytest
from datasets import load_dataset

from tests.curation.texts import TRIPLES

FILES = ("ledger.json", "curate/shard-00000.jsonl", "curate/dropped-00000.jsonl", "publish/README.md", "report.html")


def write(path: Path) -> Path:
    """Sound triples in 70 languages, and one of every kind of fault."""
    sound = [dict(zip(("anchor", "positive", "negative"), texts, strict=True)) for texts in TRIPLES.values()]
    faults = [
        sound[0],
        {"anchor": "what is a bilge", "positive": "I'm sorry, but I can't help with that request."},
        {"anchor": "", "positive": "no question"},
    ]
    lines = [json.dumps(record) for record in sound + faults] + ["{torn"]
    path.write_text("\n".join(lines))
    return path


def ledger(run: Path) -> dict:
    return {stage["name"]: stage for stage in json.loads((run / "ledger.json").read_bytes())["stages"]}


@pytest.fixture(scope="module")
def curated(cli, tmp_path_factory):
    folder = tmp_path_factory.mktemp("curate")
    command = ("curate", write(folder / "triples.jsonl"), "--out", folder / "run", "--set", "publish.validation=0.1")
    done = cli(*command)
    assert done.returncode == 0, done.stderr
    return folder / "run", command, done


def test_foreign_triples_become_a_run_folder_like_any_other(curated):
    run, _, done = curated
    assert "columns: query=anchor, positives=positive, negatives=negative; family triples" in done.stdout
    stages = ledger(run)
    assert stages["import"]["dropped"] == {"bad_json": 1, "no_query": 1}
    assert stages["curate"]["dropped"] == {"duplicate": 1, "refusal": 1}
    assert stages["publish"]["out"] == len(TRIPLES)
    triplets = load_dataset(str(run / "publish"), "triplet")
    assert triplets["train"].column_names == ["anchor", "positive", "negative"]
    assert triplets["train"].num_rows + triplets["validation"].num_rows == len(TRIPLES)
    assert triplets["validation"].num_rows
    card = (run / "publish" / "README.md").read_text()
    assert "made elsewhere" in card and "synthetic" not in card.partition("configs:")[0]


def test_the_same_command_again_gives_the_same_bytes_and_measures_nothing(cli, curated):
    run, command, _ = curated
    before = {name: (run / name).read_bytes() for name in FILES}
    measured = (run / "curate" / "scores-00000.jsonl").stat().st_mtime_ns
    assert cli(*command).returncode == 0
    assert {name: (run / name).read_bytes() for name in FILES} == before
    assert (run / "curate" / "scores-00000.jsonl").stat().st_mtime_ns == measured


def test_its_publish_folder_can_be_curated_with_other_thresholds_and_decided_anew(cli, curated, tmp_path):
    run, _, _ = curated
    command = ("curate", run / "publish", "--out", tmp_path / "again", "--set", "publish.validation=0.0")
    assert cli(*command).returncode == 0
    assert ledger(tmp_path / "again")["publish"]["out"] == len(TRIPLES)
    measured = (tmp_path / "again" / "curate" / "scores-00000.jsonl").stat().st_mtime_ns
    assert cli(*command, "--set", "curate.near=[{threshold = 0.05}]").returncode == 0
    assert ledger(tmp_path / "again")["curate"]["dropped"]["near_duplicate"] > 0
    assert (tmp_path / "again" / "curate" / "scores-00000.jsonl").stat().st_mtime_ns == measured


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere.jsonl",), "nowhere.jsonl: no such file or folder"),
        (("triples.jsonl", "--columns", "query=title"), "has no column 'title'; it has anchor, positive, negative"),
        (("triples.jsonl", "--set", "curate.copied_query=2"), "copied_query must be at most 1"),
        (("triples.jsonl", "--language", "klingon"), "language 'klingon' is unknown"),
        (("no/such-set",), "no/such-set: no such file or folder; as a data set of the Hub: "),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_code_2(cli, tmp_path, words, said):
    write(tmp_path / "triples.jsonl")
    path = str(tmp_path / words[0]) if words[0].endswith(".jsonl") else words[0]
    done = cli("curate", path, *words[1:], "--out", tmp_path / "run")
    assert done.returncode == 2 and said in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1
