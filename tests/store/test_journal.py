import os
import subprocess
import sys

import pytest

from flows.errors import StoreError
from flows.store.journal import Journal, read_journal


def test_what_is_appended_is_there_after_reopening(tmp_path):
    path = tmp_path / "calls" / "shard.jsonl"
    with Journal(path) as journal:
        journal.append("a", {"text": "grüße"})
        journal.append("b", 2)
    with Journal(path) as journal:
        assert (journal.get("a"), journal.get("b"), journal.get("c"), len(journal)) == ({"text": "grüße"}, 2, None, 2)


def test_half_a_character_survives(tmp_path):
    with Journal(tmp_path / "j") as journal:
        journal.append("a", "\ud83d!")
    with Journal(tmp_path / "j") as journal:
        assert journal.get("a") == "\ud83d!"


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_torn_last_line_is_cut_off(tmp_path, cut):
    path = tmp_path / "j"
    with Journal(path) as journal:
        journal.append("a", "first")
        journal.append("b", "second, which is torn")
    os.truncate(path, path.stat().st_size - cut)
    with Journal(path) as journal:
        assert (journal.get("a"), journal.get("b")) == ("first", None)
        journal.append("b", "again")
    with Journal(path) as journal:
        assert journal.get("b") == "again"


@pytest.mark.parametrize("damage", [b"{garbage", b"[]", b'{"key": "a"}', b"\xff\xfe"])
def test_a_damaged_line_in_the_middle_is_named(tmp_path, damage):
    path = tmp_path / "j"
    with Journal(path) as journal:
        journal.append("a", 1)
    path.write_bytes(path.read_bytes() + damage + b"\n" + path.read_bytes())
    with pytest.raises(StoreError, match=r"j: line 2 is damaged"):
        Journal(path)


def test_a_full_disk_is_one_clear_error_and_loses_nothing_that_was_written(tmp_path):
    code = """
import resource, sys
from pathlib import Path
from flows.errors import StoreError
from flows.store.journal import Journal
resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
with Journal(Path(sys.argv[1])) as journal:
    for number in range(100):
        try:
            journal.append(str(number), "x" * 50)
        except StoreError as error:
            sys.exit(f"{number} {error}")
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "j")], capture_output=True, text=True)
    written, message = done.stderr.split(" ", 1)
    assert "cannot be written: File too large" in message
    with Journal(tmp_path / "j") as journal:
        assert len(journal) == int(written) > 0


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be opened"):
        Journal(tmp_path / "file" / "j")


def test_a_journal_is_read_as_it_is_without_its_torn_end(tmp_path):
    path = tmp_path / "calls.jsonl"
    assert list(read_journal(path)) == []
    with Journal(path) as journal:
        journal.append("a", {"text": "one"})
        journal.append("b", 2)
    content = path.read_bytes() + b'{"key":"c","val'
    path.write_bytes(content)
    assert list(read_journal(path)) == [("a", {"text": "one"}), ("b", 2)]
    assert path.read_bytes() == content


def test_reading_names_a_damaged_line(tmp_path):
    path = tmp_path / "calls.jsonl"
    path.write_bytes(b'{"key":"a","value":1}\nnonsense\n')
    with pytest.raises(StoreError, match=r"calls.jsonl: line 2 is damaged"):
        list(read_journal(path))
