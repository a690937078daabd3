import json
import os
from pathlib import Path

import pytest
from datasets import load_dataset

from flows.curation.leak_policy import LeakPolicy
from flows.decontamination.leaks import Leak, leak_verdict
from flows.stages.adopt import bring_in, job, open_adoption
from flows.stages.benchmarks import leaks_by_place, match_shard, prepare
from flows.stages.progress import Progress
from flows.stages.request import CurateRequest
from tests.curation.texts import TRIPLES
from tests.flows.conftest import ROOT

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
    said = [line.split(" · ")[:2] for line in done.stderr.splitlines() if " · " in line]
    assert [*dict.fromkeys(name for name, *_ in said)][-4:] == ["import", "measure", "decide", "publish"]
    assert ["measure", "0/1 shards"] in said
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


def write_benchmark(folder: Path) -> Path:
    folder.mkdir()
    query, _, _ = TRIPLES["en"]
    (folder / "queries.jsonl").write_text(json.dumps({"_id": "1", "text": query + "?"}))
    (folder / "corpus.jsonl").write_text(json.dumps({"_id": "1", "title": "", "text": TRIPLES["ja"][1]}))
    return folder


def test_rows_that_hold_a_benchmark_go_and_the_card_says_so(cli, tmp_path):
    benchmark = write_benchmark(tmp_path / "mine")
    run = tmp_path / "run"
    command = ("curate", write(tmp_path / "triples.jsonl"), "--out", run)
    done = cli(*command, "--benchmark", benchmark)
    assert done.returncode == 0, done.stderr
    assert ledger(run)["curate"]["dropped"] == {"benchmark:mine": 2, "duplicate": 1, "refusal": 1}
    account = json.loads((run / "ledger.json").read_bytes())["benchmarks"][0]
    assert (account["name"], account["queries"], account["documents"], account["dropped"]) == ("mine", 1, 1, 2)
    assert "Zero-shot on mine" in (run / "publish" / "README.md").read_text()
    leaks = (run / "curate" / "leaks-00000.jsonl").stat().st_mtime_ns
    assert cli(*command, "--benchmark", benchmark, "--set", "curate.leaks.grams_8=1.0").returncode == 0
    assert (run / "curate" / "leaks-00000.jsonl").stat().st_mtime_ns == leaks
    assert cli(*command).returncode == 0
    assert "benchmarks" not in json.loads((run / "ledger.json").read_bytes())


def test_a_run_is_held_against_benchmarks_too(cli, tmp_path):
    done = cli("run", "--rows", 12, "--out", tmp_path / "run", "--benchmark", write_benchmark(tmp_path / "mine"))
    assert done.returncode == 0, done.stderr
    assert "Zero-shot on mine" in (tmp_path / "run" / "publish" / "README.md").read_text()


CRANFIELD = Path(os.environ.get("TRIPLESMITH_CRANFIELD", ROOT.parent / "shared" / "data" / "cranfield"))


@pytest.mark.skipif(not CRANFIELD.is_dir(), reason=f"{CRANFIELD} is not there; TRIPLESMITH_CRANFIELD may name it")
def test_a_run_is_held_against_a_real_benchmark_in_a_beir_folder(tmp_path):
    corpus = [json.loads(line) for line in (CRANFIELD / "corpus.jsonl").read_text().splitlines()]
    queries = [json.loads(line) for line in (CRANFIELD / "queries.jsonl").read_text().splitlines()]
    near = [query["text"].replace(" the ", " ", 1) for query in queries if len(query["text"].split()) > 15]
    taken = [
        *({"query": query["text"], "pos": ["something"]} for query in queries[:50]),
        *({"query": text, "pos": ["something"]} for text in near[:50]),
        *({"query": "what is said", "pos": [document["text"]]} for document in corpus[:50]),
    ]
    sound = [dict(zip(("query", "pos"), texts[:2], strict=True)) for texts in TRIPLES.values()]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, [*taken, *sound])))
    request = CurateRequest(path=str(tmp_path / "rows.jsonl"), out=str(tmp_path / "run"), benchmarks=[str(CRANFIELD)])
    with open_adoption(request) as adoption:
        bring_in(adoption, Progress())
    work = job(adoption.layout)
    prepare(work)
    match_shard(work.layout, work.source, 0)
    leaks = leaks_by_place(work, 0)
    verdicts = [leak_verdict([Leak(**leak) for leak in leaks.get(place, ())], LeakPolicy()) for place in range(220)]
    assert [verdict.reason for verdict in verdicts[:150]] == ["benchmark:cranfield"] * 150
    assert all(verdict.keep for verdict in verdicts[150:])
