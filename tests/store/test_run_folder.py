import multiprocessing

import pytest

from flows.errors import StoreError, UsageError
from flows.store.atomic import replace_file
from flows.store.jsonio import read_lines, write_lines
from flows.store.layout import Layout
from flows.store.lock import is_locked, locked
from flows.store.manifest import claim, read_manifest

PARTS = {"recipe": {"name": "e5", "seed": 0}, "llm": {"model": "m"}}


def test_the_same_parts_continue_a_run(tmp_path):
    layout = Layout(tmp_path / "run")
    assert claim(layout, PARTS) == claim(layout, PARTS)
    assert read_manifest(layout)["parts"] == PARTS


def test_another_run_is_refused_with_the_difference(tmp_path):
    layout = Layout(tmp_path)
    claim(layout, PARTS)
    with pytest.raises(UsageError, match=r"belongs to another run \(recipe\.seed: was 0, is 1\)"):
        claim(layout, {**PARTS, "recipe": {"name": "e5", "seed": 1}})


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(UsageError, match="holds files but no manifest"):
        claim(Layout(tmp_path), PARTS)


@pytest.mark.parametrize("content", ["{", "[]", "{}"])
def test_a_damaged_manifest_is_named(tmp_path, content):
    layout = Layout(tmp_path)
    layout.manifest.write_text(content)
    with pytest.raises(StoreError, match=r"manifest\.json"):
        claim(layout, PARTS)


def test_a_folder_that_is_no_run(tmp_path):
    with pytest.raises(UsageError, match="no run there"):
        read_manifest(Layout(tmp_path / "nothing"))


def _hold(root, ready, done):
    with locked(Layout(root)):
        ready.set()
        done.wait(30)


def test_two_processes_do_not_share_a_run(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path, ready, done))
    other.start()
    assert ready.wait(30)
    layout = Layout(tmp_path)
    assert is_locked(layout)
    with pytest.raises(UsageError, match="another process"), locked(layout):
        pass
    done.set()
    other.join(30)
    assert not is_locked(layout)
    with locked(layout):
        pass


def test_a_file_is_replaced_wholly_or_not_at_all(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replace_file(path) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert [*tmp_path.iterdir()] == [path]


def test_lines_come_back_and_a_damaged_one_is_named(tmp_path):
    path = tmp_path / "rows.jsonl"
    assert write_lines(path, [{"a": 1}, {"b": "ü"}]) == 2
    assert [*read_lines(path)] == [{"a": 1}, {"b": "ü"}]
    path.write_bytes(path.read_bytes() + b"{oops\n")
    with pytest.raises(StoreError, match=r"rows.jsonl: line 3 is damaged"):
        [*read_lines(path)]
