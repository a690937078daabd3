"""`triplesmith publish` from a run folder to the Hub, as a user types it."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from huggingface_hub import DatasetCard

from flows.cli import main
from tests.publishing.test_export_command import numbered
from tests.reporting.folder import make_run
from tests.servers.hub_state import Fault

# the client's own use of its HTTP library
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

REPO = "alice/boats"
FIRST = [numbered(n) for n in range(20)]
SECOND = [numbered(n) for n in range(20, 30)]


@pytest.fixture
def run(tmp_path):
    make_run(tmp_path / "run", FIRST, publish={"validation": 0.1, "test": 0.1})
    return tmp_path / "run"


def publish(run, *words):
    return main(["publish", str(run), REPO, *words])


def splits(hub, config="full"):
    """Rows of each split, as the card tells."""
    card = DatasetCard(hub.repos[REPO].head.files["README.md"].data.decode()).data.to_dict()
    info = next(info for info in card["dataset_info"] if info["config_name"] == config)
    return {part["name"]: part["num_examples"] for part in info["splits"]}


def load(hub, home, config):
    """Load the set with `datasets`, in a process that knows nothing but HF_ENDPOINT; returns ids by split."""
    program = (
        "import datasets, json, sys; loaded = datasets.load_dataset(sys.argv[1], sys.argv[2]); "
        "print(json.dumps({split: part['id'] if 'id' in part.features else len(part) for split, part in loaded.items()}"
        ", default=list))"
    )
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": "hf_alice",
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    command = [sys.executable, "-c", program, REPO, config]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_set_grows_night_by_night(hub, run, tmp_path, capsys):
    assert publish(run, "--append") == 0
    before = dict(hub.repos[REPO].head.files)
    assert splits(hub) == {"train": 16, "validation": 2, "test": 2}
    make_run(tmp_path / "night", SECOND, publish={"validation": 0.1, "test": 0.1}, seed=1)
    assert publish(tmp_path / "night", "--append") == 0
    after = hub.repos[REPO].head.files
    assert {path: after[path] for path in before if path.startswith("data/")} == {
        path: blob for path, blob in before.items() if path.startswith("data/")
    }
    assert splits(hub) == {"train": 24, "validation": 3, "test": 3}
    assert len(hub.repos[REPO].commits) == 3 and len(hub.repos[REPO].tags) == 2
    assert hub.repos[REPO].head.oid in hub.repos[REPO].tags.values()
    loaded = load(hub, tmp_path / "home", "full")
    assert {split: len(ids) for split, ids in loaded.items()} == splits(hub)
    assert sorted(row for ids in loaded.values() for row in ids) == [row.id for row in (*FIRST, *SECOND)]
    said = capsys.readouterr().out
    for again in (run, tmp_path / "night"):
        assert publish(again, "--append") == 0
    assert capsys.readouterr().out == f"it is all there: {said.splitlines()[-1].removeprefix('uploaded: ')}\n" * 2
    assert len(hub.repos[REPO].commits) == 3


def test_a_run_that_grew_adds_its_new_rows_only(hub, run, tmp_path):
    assert publish(run, "--append") == 0
    make_run(tmp_path / "more", [*FIRST, *SECOND], publish={"validation": 0.1, "test": 0.1})
    assert publish(tmp_path / "more", "--append") == 0
    card = DatasetCard(hub.repos[REPO].head.files["README.md"].data.decode())
    assert splits(hub) == {"train": 24, "validation": 3, "test": 3}
    assert "| publish | 30 | 0 | 30 |" in card.text
    assert len(list((tmp_path / "more/append/data/full").iterdir())) == 3
    assert len(list((tmp_path / "more/publish/data/full").iterdir())) == 3


def test_rows_between_two_splits_are_left_out_and_counted(hub, run, tmp_path):
    assert publish(run, "--append") == 0
    loaded = load(hub, tmp_path / "home", "full")
    place = {row: split for split, ids in loaded.items() for row in ids}
    trained = next(row for row in FIRST if place[row.id] == "train")
    held = next(row for row in FIRST if place[row.id] == "test")
    between = replace(SECOND[0], query=trained.query, positives=held.positives)
    follows = replace(SECOND[1], query=held.query)
    make_run(tmp_path / "night", [between, follows, *SECOND[2:]], publish={"validation": 0.1, "test": 0.1}, seed=1)
    assert publish(tmp_path / "night", "--append") == 0
    loaded = load(hub, tmp_path / "home", "full")
    assert follows.id in loaded["test"]
    assert between.id not in {row for ids in loaded.values() for row in ids}
    assert "1 ties\\_two\\_splits" in hub.repos[REPO].head.files["README.md"].data.decode()


def test_a_dry_run_of_a_growing_set_lists_the_new_files_only(hub, run, tmp_path, capsys):
    assert publish(run, "--append") == 0
    make_run(tmp_path / "night", SECOND, seed=1)
    capsys.readouterr()
    assert publish(tmp_path / "night", "--append", "--dry-run") == 0
    said = capsys.readouterr().out.splitlines()
    new = [line for line in said if "data/triplet/" in line]
    assert new and all(line.startswith("add data/triplet/") and "-of-00001.parquet" in line for line in new)
    assert not any(line.startswith("delete") for line in said)
    size = sum(int(line.split("(")[1].split()[0]) for line in said[1:])
    assert said[0] == (
        f"one commit on top of {hub.url}/datasets/{REPO}/commit/{hub.repos[REPO].head.oid}: "
        f"{len(said) - 1} files, {size} bytes to add"
    )
    assert len(hub.repos[REPO].commits) == 2
    assert publish(run, "--append", "--dry-run") == 0
    assert capsys.readouterr().out.startswith("nothing to change at ")


def test_a_tag_of_ones_own(hub, run, capsys):
    assert publish(run, "--tag", "v1") == 0
    assert hub.repos[REPO].tags == {"v1": hub.repos[REPO].head.oid}
    make = hub.repos[REPO].head.oid
    assert publish(run, "--tag", "v1") == 0
    assert hub.repos[REPO].head.oid == make


@pytest.mark.parametrize(
    "step", ["POST .*/commit/", "GET .*/tree/", "PUT /lfs/", "POST .*/tag/", "GET .*/resolve/.*/ties/"]
)
def test_a_growing_set_survives_faults(hub, run, tmp_path, monkeypatch, step):
    monkeypatch.setattr("flows.publishing.connection.WAITS", (0.0,) * 5)
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)
    assert publish(run, "--append") == 0
    make_run(tmp_path / "night", SECOND, publish={"validation": 0.1, "test": 0.1}, seed=1)
    hub.faults += [
        Fault(step, status=429, headers={"Retry-After": "0"}),
        Fault(step, reset=True),
        Fault(step, lost=True),
    ]
    assert publish(tmp_path / "night", "--append") == 0
    assert not any(fault.times for fault in hub.faults)
    assert len(hub.repos[REPO].commits) == 3
    assert splits(hub) == {"train": 24, "validation": 3, "test": 3}
    assert hub.repos[REPO].head.oid in hub.repos[REPO].tags.values()


def test_the_token_reaches_no_file(hub, run, tmp_path, capsys):
    assert publish(run) == 0
    assert publish(run, "--append") == 0
    said = capsys.readouterr()
    assert "hf_alice" not in said.out + said.err
    assert not [path for path in run.rglob("*") if path.is_file() and b"hf_alice" in path.read_bytes()]
    assert not [path for path, blob in hub.repos[REPO].head.files.items() if b"hf_alice" in blob.data]
