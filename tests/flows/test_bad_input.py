import os

import pytest

from tests.servers.openai_server import Config, server_process


@pytest.fixture(scope="module")
def strict_endpoint():
    with server_process(Config(api_key="good", models="a,b")) as url:
        yield url


def one_line(done, code, *words):
    assert done.returncode == code, done.stderr
    lines = done.stderr.strip().splitlines()
    assert lines[-1].startswith("triplesmith: ")
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in lines[-1]
    return lines[-1]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("run", "nope"), "recipe 'nope' is unknown; there are curate, e5, quickstart"),
        (("run", "missing.toml"), "missing.toml: no such file"),
        (("run", "--set", "llm.temprature=1"), "llm.0.temprature: unknown key"),
        (("run", "--set", "limits.requests_per_row=many"), "limits.requests_per_row: input should be a valid number"),
        (("run", "--set", "curate.shortest=-1"), "curate"),
        (("run", "--llm", "carrier-pigeon"), "unknown LLM 'carrier-pigeon'"),
        (("run", "--llm", "replay:nothing.jsonl"), "nothing.jsonl"),
        (("run", "e5", "--llm", "replay"), "nothing is recorded for this recipe"),
        (("plan", "nope"), "recipe 'nope' is unknown"),
        (("status", "nowhere"), "nowhere: no run there"),
        (("publish", "nowhere", "user/name"), "nowhere: no run there"),
        (("prompts", "e5/nope"), "prompt 'e5/nope' is missing"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_wrong_use_ends_with_2_and_one_line(cli, tmp_path, words, complaint):
    words = (*words, "--out", tmp_path / "t") if words[0] == "run" else words
    one_line(cli(*words), 2, complaint)


@pytest.mark.parametrize(
    ("rows", "seed"), [("0", "1"), ("ten", "1"), ("5", "one")], ids=["no rows", "rows no number", "seed no number"]
)
def test_options_are_checked_by_the_parser(cli, rows, seed):
    done = cli("run", "--rows", rows, "--seed", seed)
    assert done.returncode == 2
    assert "usage:" in done.stderr


def test_nobody_at_the_endpoint(cli, tmp_path):
    url = "http://127.0.0.1:9/v1"
    one_line(cli("run", "--llm", url, "--model", "m", "--out", tmp_path / "t"), 1, "127.0.0.1:9")


def test_a_wrong_key(cli, tmp_path, strict_endpoint):
    words = ("run", "--llm", strict_endpoint, "--model", "a", "--out", tmp_path / "t")
    line = one_line(cli(*words, OPENAI_API_KEY="sk-very-secret"), 1, "key")
    assert "sk-very-secret" not in line


def test_a_model_that_is_not_there(cli, tmp_path, strict_endpoint):
    words = ("run", "--llm", strict_endpoint, "--model", "c", "--out", tmp_path / "t")
    one_line(cli(*words, OPENAI_API_KEY="good"), 1, "'c'", "a, b")


def test_no_model_named_where_there_are_two(cli, tmp_path, strict_endpoint):
    words = ("run", "--llm", strict_endpoint, "--out", tmp_path / "t")
    one_line(cli(*words, OPENAI_API_KEY="good"), 2, "--model", "a, b")


def test_a_folder_that_cannot_be_written(cli, tmp_path):
    (tmp_path / "file").write_text("")
    one_line(cli("run", "--out", tmp_path / "file" / "run"), 1, "cannot be written")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(cli, tmp_path):
    tmp_path.chmod(0o500)
    one_line(cli("run", "--out", tmp_path / "run"), 1, "cannot be written")


def test_a_folder_of_another_run(cli, tmp_path):
    assert cli("run", "--rows", 12, "--out", tmp_path / "t").returncode == 0
    one_line(cli("run", "--rows", 12, "--seed", 9, "--out", tmp_path / "t"), 2, "belongs to another run", "seed: was 0")


def test_a_damaged_journal(cli, tmp_path):
    assert cli("run", "--rows", 12, "--out", tmp_path / "t").returncode == 0
    journal = tmp_path / "t" / "calls" / "generate" / "shard-00000.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([lines[0], b"{garbage\n", *lines[1:]]))
    (tmp_path / "t" / "generate" / "tally-00000.json").unlink()
    one_line(cli("run", "--rows", 12, "--out", tmp_path / "t"), 1, "shard-00000.jsonl: line 2 is damaged")
