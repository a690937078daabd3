import json

import pytest

from tests.servers.hub_server import hub_server


@pytest.fixture
def hub():
    with hub_server() as state:
        yield state


def environment(hub):
    return {"HF_ENDPOINT": hub.url, "HF_TOKEN": "hf_alice", "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}


def test_a_run_is_uploaded_privately_in_one_commit(cli, hub, tmp_path):
    done = cli("run", "--rows", 30, "--out", tmp_path / "t", "--publish", "alice/set", "--append", **environment(hub))
    assert done.returncode == 0, done.stderr
    assert "uploaded: " in done.stdout
    again = cli("publish", tmp_path / "t", "alice/set", "--append", **environment(hub))
    assert again.returncode == 0, again.stderr
    assert "hf_alice" not in done.stdout + done.stderr + again.stdout + again.stderr
    repo = hub.repos["alice/set"]
    assert repo.private
    assert len(repo.commits) == 2  # the first makes the repository, the second is ours; publishing again adds none
    written = [path for path in tmp_path.rglob("*") if path.is_file() and b"hf_alice" in path.read_bytes()]
    assert not written


def test_a_dry_run_says_what_the_commit_holds(cli, hub, tmp_path):
    assert cli("run", "--rows", 30, "--out", tmp_path / "t").returncode == 0
    done = cli("publish", tmp_path / "t", "alice/other", "--dry-run", **environment(hub))
    assert done.returncode == 0, done.stderr
    assert "add README.md" in done.stdout
    assert "add data/triplet/train-00000-of-00001.parquet" in done.stdout
    assert "alice/other" not in hub.repos


def test_a_wrong_token_is_one_line(cli, hub, tmp_path):
    assert cli("run", "--rows", 30, "--out", tmp_path / "t").returncode == 0
    done = cli("publish", tmp_path / "t", "alice/set", **{**environment(hub), "HF_TOKEN": "hf_stranger"})
    assert done.returncode == 1
    assert done.stderr.startswith("triplesmith: ")
    assert "hf_stranger" not in done.stderr


def test_the_card_names_what_was_replayed(cli, tmp_path):
    assert cli("run", "--rows", 30, "--out", tmp_path / "t").returncode == 0
    card = (tmp_path / "t" / "publish" / "README.md").read_text()
    assert "recorded" in card
    assert "| brainstorm |" in card
    stages = json.loads((tmp_path / "t" / "ledger.json").read_text())["stages"]
    assert [stage["name"] for stage in stages] == ["brainstorm", "generate", "curate", "publish"]
