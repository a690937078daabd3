import json
import logging
import os
import subprocess
import sys

import pytest
from huggingface_hub import DatasetCard

from flows.errors import PublishError, UsageError
from flows.publishing.connection import Connection
from flows.publishing.facts import data_digest
from flows.publishing.push import Operation, push
from tests.publishing.rows import make_row
from tests.publishing.test_card import ROWS, make_card
from tests.servers.hub_state import Blob, Fault

# the client's own use of its HTTP library
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

REPO = "alice/triples"
TIES = "ties/keys-00000-of-00001.parquet"
NO_WAITS = (0.0,) * 5
DATA = [
    "data/corpus/validation-00000-of-00001.parquet",
    "data/full/train-00000-of-00001.parquet",
    "data/full/validation-00000-of-00001.parquet",
    "data/instruction/validation-00000-of-00001.parquet",
    "data/pair-score/train-00000-of-00001.parquet",
    "data/pair/train-00000-of-00001.parquet",
    "data/pair/validation-00000-of-00001.parquet",
    "data/qrels/validation-00000-of-00001.parquet",
    "data/queries/validation-00000-of-00001.parquet",
    "data/triplet/train-00000-of-00001.parquet",
    "data/triplet/validation-00000-of-00001.parquet",
]


def upload(folder, repo=REPO, *, token=None, endpoint=None, timeout=120.0, **options):
    connection = Connection(token, endpoint, timeout, NO_WAITS, lambda _: None)
    return push(folder, repo, connection=connection, **options)


def titles(hub, repo=REPO):
    return [commit.title for commit in hub.repos[repo].commits[1:]]


def in_step(hub, folder, repo=REPO):
    """Whether the head has the folder's data byte for byte."""
    local = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.parquet")}
    remote = {path: blob.data for path, blob in hub.repos[repo].head.files.items() if path.endswith(".parquet")}
    return local == remote


def test_first_push_is_one_commit_of_a_private_repository(hub, folder):
    pushed = upload(folder)
    repo = hub.repos[REPO]
    assert repo.private
    assert titles(hub) == ["Publish with triplesmith"]
    assert sorted(repo.head.files) == [".gitattributes", "README.md", *DATA, TIES, "triplesmith.json"]
    assert in_step(hub, folder)
    assert all(repo.head.files[path].lfs for path in DATA)
    assert (pushed.oid, pushed.url) == (repo.head.oid, f"{hub.url}/datasets/{REPO}/commit/{repo.head.oid}")
    assert {operation.kind for operation in pushed.operations} == {"add"}
    assert sorted(operation.path for operation in pushed.operations) == ["README.md", *DATA, TIES, "triplesmith.json"]
    card = repo.head.files["README.md"].data.decode()
    assert f'load_dataset("{REPO}", "triplet")' in card and "USER/NAME" not in card


def test_public_when_asked(hub, folder):
    upload(folder, private=False)
    assert not hub.repos[REPO].private


def test_an_existing_repository_keeps_its_visibility(hub, folder):
    hub.create(REPO, private=False)
    upload(folder)
    assert not hub.repos[REPO].private


def test_second_push_makes_no_commit(hub, folder):
    first = upload(folder)
    second = upload(folder)
    assert (second.oid, second.operations) == (first.oid, ())
    assert len(titles(hub)) == hub.asked("POST .*/commit/") == 1


def test_only_what_changed_is_uploaded_and_stale_files_go(hub, folder):
    upload(folder)
    make_card(folder, [row for row in ROWS if row.family != "sts"])
    pushed = upload(folder)
    kinds = {operation.path: operation.kind for operation in pushed.operations}
    assert kinds.pop("data/pair-score/train-00000-of-00001.parquet") == "delete"
    assert set(kinds) == {
        "README.md",
        "triplesmith.json",
        TIES,
        *(f"data/{name}/train-00000-of-00001.parquet" for name in ("full", "pair", "triplet")),
    }
    assert len(titles(hub)) == 2
    assert in_step(hub, folder)
    names = [
        config["config_name"]
        for config in DatasetCard(hub.repos[REPO].head.files["README.md"].data.decode()).data.configs
    ]
    assert names == ["triplet", "pair", "corpus", "queries", "qrels", "instruction", "full"]


def test_files_and_words_of_people_stay(hub, folder):
    upload(folder)
    card = hub.repos[REPO].head.files["README.md"].data.decode().replace("generator-terms", "their-terms", 1)
    theirs = {
        "README.md": (card + "\nThanks to all.\n").encode(),
        "notes/data/x.parquet": b"mine",
        "extra.csv": b"a,b\n",
    }
    hub.commit(REPO, "by hand", theirs)
    assert upload(folder).operations == ()
    make_card(folder, ROWS[:8])
    upload(folder)
    files = hub.repos[REPO].head.files
    assert files["notes/data/x.parquet"].data == b"mine" and files["extra.csv"].data == b"a,b\n"
    merged = files["README.md"].data.decode()
    assert merged.endswith("\nThanks to all.\n") and "license_name: their-terms" in merged
    assert "config_name: pair-score" not in merged


def test_dry_run_says_what_would_be_done_and_does_nothing(hub, folder):
    planned = upload(folder, dry_run=True)
    assert planned.oid is None and len(planned.operations) == len(DATA) + 3
    assert Operation("add", DATA[0], (folder / DATA[0]).stat().st_size) in planned.operations
    assert hub.repos == {} and not hub.asked("POST|PUT")
    upload(folder)
    assert upload(folder, dry_run=True).operations == ()
    assert not hub.repos[REPO].commits[2:]


def test_a_push_is_tagged_with_the_digest_of_its_data(hub, folder):
    first = upload(folder)
    name = f"run-{data_digest(folder)}"
    assert hub.repos[REPO].tags == {name: first.oid}
    hub.commit(REPO, "by hand", {"README.md": b"# Mine\n"})
    upload(folder)
    assert hub.repos[REPO].tags == {name: first.oid}
    make_card(folder, ROWS[:8])
    second = upload(folder)
    assert hub.repos[REPO].tags == {name: first.oid, f"run-{data_digest(folder)}": second.oid}


def test_a_missing_tag_is_set_by_the_next_push(hub, folder):
    hub.faults.append(Fault("POST .*/tag/", status=503, times=99))
    with pytest.raises(PublishError, match="the Hub answered 503"):
        upload(folder)
    assert not hub.repos[REPO].tags
    hub.faults.clear()
    assert upload(folder).operations == ()
    assert list(hub.repos[REPO].tags.values()) == [hub.repos[REPO].head.oid]


def test_a_tag_marks_the_commit(hub, folder):
    pushed = upload(folder, tag="v1")
    assert hub.repos[REPO].tags == {"v1": pushed.oid}
    assert upload(folder, tag="v1").operations == ()
    make_card(folder, ROWS[:8])
    with pytest.raises(UsageError, match="tag 'v1' marks another commit already"):
        upload(folder, tag="v1")
    assert len(titles(hub)) == 1
    assert upload(folder, tag="v2").oid == hub.repos[REPO].tags["v2"]


ROUTES = {
    "read the repository": "GET /api/datasets/alice/triples/revision",
    "create it": "POST /api/repos/create",
    "list its files": "GET .*/tree/",
    "read its card": "GET .*/resolve/",
    "check the card": "POST /api/validate-yaml",
    "announce files": "POST .*/preupload/",
    "ask for storage": "POST .*/objects/batch",
    "store": "PUT /lfs/",
    "verify": "POST /lfs/verify",
    "commit": "POST .*/commit/",
    "list tags": "GET .*/refs",
    "tag": "POST .*/tag/",
}

FAULTS = {
    "503": dict(status=503),
    "429": dict(status=429, headers={"Retry-After": "0"}),
    "500 with HTML": dict(status=500, body=b"<html>oops</html>"),
    "reset": dict(reset=True),
    "lost answer": dict(lost=True),
}


@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES)
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_at_any_step_ends_in_one_commit(hub, folder, monkeypatch, route, fault):
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)
    if route == ROUTES["read its card"]:
        hub.create(REPO, files={"README.md": b"# Mine\n"})
    hub.faults.append(Fault(route, **fault))
    upload(folder, tag="v1")
    assert not hub.faults[0].times
    assert titles(hub)[-1:] == ["Publish with triplesmith"] and titles(hub).count("Publish with triplesmith") == 1
    assert hub.repos[REPO].tags == {"v1": hub.repos[REPO].head.oid}
    assert in_step(hub, folder)


def test_a_lost_answer_is_reported_as_the_commit_it_was(hub, folder):
    hub.faults.append(Fault("POST .*/commit/", lost=True))
    pushed = upload(folder)
    assert pushed.oid == hub.repos[REPO].head.oid and len(pushed.operations) == len(DATA) + 3
    assert hub.asked("POST .*/commit/") == 1


def test_a_silent_server_is_given_up_on(hub, folder):
    hub.faults.append(Fault("POST .*/commit/", stall=True))
    upload(folder, timeout=0.3)
    assert len(titles(hub)) == 1


def test_a_concurrent_push_is_built_upon(hub, folder):
    hub.create(REPO, files={"README.md": b"# Mine\n"})

    def rival(state):
        state.commit(REPO, "rival", {"rival.csv": b"1", "README.md": b"# Mine, better\n"})

    hub.faults.append(Fault("POST .*/commit/", before=rival, times=2))
    upload(folder)
    assert titles(hub) == ["by hand", "rival", "rival", "Publish with triplesmith"]
    files = hub.repos[REPO].head.files
    assert files["rival.csv"].data == b"1"
    assert "# Mine, better\n" in files["README.md"].data.decode()
    assert in_step(hub, folder)


def test_no_partial_state_is_ever_seen(hub, folder):
    upload(folder)
    before = dict(hub.repos[REPO].head.files)
    make_card(folder, ROWS[:8])
    hub.faults.append(Fault("POST .*/commit/", status=503, times=99))
    with pytest.raises(PublishError, match="the Hub answered 503"):
        upload(folder)
    assert hub.repos[REPO].head.files == before
    assert hub.asked("POST .*/commit/") == 1 + len(NO_WAITS) + 1


def test_waits_grow_and_heed_the_server(hub, folder):
    slept = []
    hub.faults += [
        Fault("POST .*/commit/", status=503),
        Fault("POST .*/commit/", status=429, headers={"Retry-After": "7"}),
    ]
    push(folder, REPO, connection=Connection(waits=(1.0, 2.0), sleep=slept.append))
    assert slept == [1.0, 7.0]


PROBLEMS = {
    "no token": (REPO, "", {}, "token is missing or not valid: set HF_TOKEN"),
    "wrong token": (REPO, "hf_nobody", {}, "token is missing or not valid: set HF_TOKEN"),
    "other namespace": ("carol/triples", "hf_alice", {}, "token may not write to carol"),
    "no permission": (REPO, "hf_bob", {}, "token may not write to alice"),
    "no such address": (REPO, "hf_alice", {"endpoint": "http://127.0.0.1:9/nothing"}, "cannot be reached"),
    "bad request": (REPO, "hf_alice", {}, "the Hub answered 400: no such thing"),
    "permanent limit": (REPO, "hf_alice", {}, "limits the rate"),
}


@pytest.mark.parametrize(("repo", "token", "options", "message"), PROBLEMS.values(), ids=PROBLEMS)
def test_problems_are_one_line_that_says_what_to_do(hub, folder, monkeypatch, caplog, repo, token, options, message):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("HF_TOKEN", token)
    if token == "hf_bob":
        hub.create(REPO, private=False)
    if "400" in message:
        hub.faults.append(Fault("POST .*/commit/", status=400, body=b'{"error": "no such thing as hf_alice"}'))
    if "limits" in message:
        hub.faults.append(Fault("POST .*/commit/", status=429, times=99))
    with pytest.raises(PublishError, match=message) as raised:
        upload(folder, repo, **options)
    assert "\n" not in str(raised.value)
    assert raised.value.__suppress_context__
    if token:
        assert token not in str(raised.value)
        assert token not in caplog.text


def test_a_token_with_a_line_break_is_cleaned(hub, folder):
    upload(folder, token="hf_alice\n")
    assert len(titles(hub)) == 1


def test_a_server_without_xet_storage_is_named(hub, folder, monkeypatch):
    pytest.importorskip("hf_xet", reason="huggingface_hub installs hf_xet on common machines only")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", False)
    with pytest.raises(PublishError, match="has no Xet storage: set HF_HUB_DISABLE_XET=1"):
        upload(folder)


def test_an_unreadable_card_is_named(hub, folder):
    hub.create(REPO)
    hub.repos[REPO].head.files["README.md"] = Blob(b"\xff\xfe\x00", lfs=False)
    with pytest.raises(PublishError, match=r"its README.md is not UTF-8 text"):
        upload(folder)


@pytest.mark.parametrize("name", ["triples", "a/b/c", "alice/", "alice/tri ples", ""])
def test_a_bad_name_is_wrong_use(hub, folder, name):
    with pytest.raises(UsageError, match="write USER/NAME"):
        upload(folder, name)
    assert not hub.requests


def test_an_unfinished_folder_is_wrong_use(hub, tmp_path):
    with pytest.raises(UsageError, match=r"no finished data set here"):
        upload(tmp_path)


LOAD = """
import json, sys, datasets
loaded = datasets.load_dataset(sys.argv[1], sys.argv[2])
print(json.dumps({split: [len(part), part[0]["anchor"]] for split, part in loaded.items()}))
"""


CURATE = """
import sys
from flows.errors import UsageError
from flows.sources.benchmarks import locate_benchmark, read_texts
from flows.sources.locate import locate
print(*(record.values["anchor"] for record in locate(sys.argv[1], "pair", "train").read()), sep=",")
print(sorted({kind for kind, _ in read_texts(locate_benchmark(sys.argv[1]))}))
for wrong in ({"config": "pair", "split": "dev"}, {"config": "nope"}, {}):
    try:
        list(locate(sys.argv[1] + ("" if wrong else "-not"), **wrong).read())
    except UsageError as error:
        print(error)
"""


def test_sets_on_the_hub_are_read_to_be_curated_and_as_benchmarks(hub, tmp_path):
    make_card(tmp_path / "publish", [make_row(n, split="validation" if n > 7 else "train") for n in range(10)])
    upload(tmp_path / "publish")
    done = run_against(hub, tmp_path, CURATE, REPO)
    lines = done.stdout.splitlines()
    assert lines[0] == ",".join(f"query {n}" for n in range(8)), done.stderr
    assert lines[1] == "['document', 'query']"
    assert lines[2] == f"{REPO}: give --split, one of train, validation; there is no 'dev'"
    assert "nope" in lines[3]
    assert lines[4].startswith(f"{REPO}-not: no such file or folder")


def test_datasets_loads_it_from_the_hub(hub, tmp_path):
    make_card(tmp_path / "publish", [make_row(n, split="validation" if n > 7 else "train") for n in range(10)])
    upload(tmp_path / "publish")
    done = run_against(hub, tmp_path, LOAD, REPO, "pair")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"train": [8, "query 0"], "validation": [2, "query 8"]}


def run_against(hub, tmp_path, *command):
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": "hf_alice",
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    return subprocess.run(
        [sys.executable, "-c", *command], env=environment, capture_output=True, text=True, check=False
    )
