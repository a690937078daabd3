import json

import pytest
from datasets import Dataset, DatasetDict

from flows.errors import UsageError
from flows.sources.locate import locate

VALUES = [{"query": "a", "pos": "b"}, {"query": "c", "pos": "d"}]


def values(source):
    return [record.values for record in source.read()]


def write(path, records=VALUES):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def test_a_folder_gives_its_data_files_in_order_and_nothing_else(tmp_path):
    write(tmp_path / "b.jsonl", VALUES[1:])
    write(tmp_path / "a" / "z.jsonl", VALUES[:1])
    (tmp_path / "notes.txt").write_text("nothing")
    write(tmp_path / ".cache" / "c.jsonl")
    source = locate(str(tmp_path))
    assert values(source) == VALUES
    assert [record.where for record in source.read()] == ["a/z.jsonl:1", "b.jsonl:1"]


def test_the_fingerprint_follows_the_content(tmp_path):
    write(tmp_path / "a.jsonl")
    before = locate(str(tmp_path / "a.jsonl")).fingerprint
    assert locate(str(tmp_path / "a.jsonl")).fingerprint == before
    write(tmp_path / "a.jsonl", VALUES[:1])
    assert locate(str(tmp_path / "a.jsonl")).fingerprint != before


def test_a_saved_data_set_is_read_with_its_train_split(tmp_path):
    splits = {"test": Dataset.from_list(VALUES[:1]), "train": Dataset.from_list(VALUES)}
    DatasetDict(splits).save_to_disk(tmp_path / "d")
    assert values(locate(str(tmp_path / "d"))) == VALUES
    assert values(locate(str(tmp_path / "d"), split="test")) == VALUES[:1]
    Dataset.from_list(VALUES).save_to_disk(tmp_path / "e")
    assert values(locate(str(tmp_path / "e"))) == VALUES
    with pytest.raises(UsageError, match="give --split, one of test, train; there is no 'dev'"):
        values(locate(str(tmp_path / "d"), split="dev"))


def test_a_folder_with_configs_is_read_as_a_data_set(tmp_path):
    card = (
        "---\nconfigs:\n- config_name: one\n  data_files: one.jsonl\n- config_name: two\n  data_files: two.jsonl\n---\n"
    )
    (tmp_path / "README.md").write_text(card)
    write(tmp_path / "one.jsonl", VALUES[:1])
    write(tmp_path / "two.jsonl", VALUES[1:])
    assert values(locate(str(tmp_path), config="two")) == VALUES[1:]
    with pytest.raises(UsageError, match="Config name is missing"):
        values(locate(str(tmp_path)))


@pytest.mark.parametrize(
    ("path", "options", "words"),
    [
        ("nowhere.jsonl", {}, "no such file or folder"),
        ("no/where.jsonl", {}, "no such file or folder"),
        ("empty", {}, "holds no data"),
        ("a.jsonl", {"split": "train"}, "is a file; --config and --split are for data sets"),
    ],
)
def test_what_is_not_there_is_said(tmp_path, monkeypatch, path, options, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    write(tmp_path / "a.jsonl")
    with pytest.raises(UsageError, match=words):
        locate(path, **options)
