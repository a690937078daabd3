import hashlib

import datasets
import pyarrow.parquet as pq
import pytest

from flows.domain.records import Text
from flows.errors import StoreError
from flows.publishing.configs import NAMES, ConfigOptions, config_shapes
from flows.publishing.features import arrow_schema, card_features
from flows.publishing.folder import replace_folder
from flows.publishing.formats.full import FULL
from flows.publishing.formats.texts import PAIR, TRIPLET
from flows.publishing.parquet import ROW_GROUP, write_parquet
from tests.publishing.rows import graded_row, make_row

ROWS = [
    *(make_row(n, split="validation" if n % 5 == 0 else "train") for n in range(20)),
    *(make_row(n, split="train", negatives=()) for n in range(20, 23)),
    *(graded_row(n, split="train") for n in range(23, 27)),
]

EXPECTED = {
    "triplet": {"train": 20, "validation": 4},
    "pair": {"train": 23, "validation": 4},
    "pair-score": {"train": 8},
    "corpus": {"validation": 8},
    "queries": {"validation": 4},
    "qrels": {"validation": 4},
    "instruction": {"validation": 4},
    "full": {"train": 23, "validation": 4},
}


def digests(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def load(path, name, tmp_path):
    return datasets.load_dataset(
        "parquet",
        data_files={split: str(path / f"data/{name}/{split}-*.parquet") for split in EXPECTED[name]},
        cache_dir=str(tmp_path / "cache"),
    )


@pytest.mark.parametrize("shape", config_shapes(ConfigOptions(NAMES)), ids=lambda shape: shape.name)
def test_the_schema_is_what_datasets_would_write(shape):
    schema = arrow_schema(shape.columns)
    features = datasets.Features.from_arrow_schema(schema)
    assert features.arrow_schema.equals(schema, check_metadata=True)
    assert features._to_yaml_list() == card_features(shape.columns)


def test_what_was_written_is_what_was_counted(tmp_path):
    shapes = config_shapes(ConfigOptions(tuple(EXPECTED)))
    written = {config.name: config for config in write_parquet(ROWS, tmp_path / "x", shapes)}
    counted = {name: {split: size.rows for split, size in config.splits.items()} for name, config in written.items()}
    assert counted == EXPECTED
    assert {name: dict(config.unfit) for name, config in written.items()} == {
        "triplet": {"no_negative": 3},
        "pair": {},
        "pair-score": {"no_score": 23},
        "corpus": {},
        "queries": {"not_held_out": 23},
        "qrels": {},
        "instruction": {},
        "full": {},
    }
    for name, splits in EXPECTED.items():
        loaded = load(tmp_path / "x", name, tmp_path)
        assert {split: len(part) for split, part in loaded.items()} == splits
        assert sum(size.bytes for size in written[name].splits.values()) > 0


def test_the_same_rows_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write_parquet(iter(ROWS), tmp_path / name, config_shapes(ConfigOptions()), rows_per_file=7)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


def test_large_sets_are_cut_into_files(tmp_path):
    rows = [make_row(n) for n in range(25)]
    (pair,) = write_parquet(rows, tmp_path, [PAIR], rows_per_file=10)
    files = sorted(tmp_path.rglob("*.parquet"))
    assert [file.name for file in files] == [f"train-0000{n}-of-00003.parquet" for n in range(3)]
    assert [pq.read_metadata(file).num_rows for file in files] == [10, 10, 5]
    assert pair.rows == 25
    anchors = [anchor for file in files for anchor in pq.read_table(file)["anchor"].to_pylist()]
    assert anchors == [row.query for row in rows]


def test_row_groups_are_small_so_that_memory_is(tmp_path):
    rows = (make_row(n, negatives=(Text("a"), Text("b"), Text("c"))) for n in range(ROW_GROUP))
    write_parquet(rows, tmp_path, [TRIPLET])
    metadata = pq.read_metadata(tmp_path / "data/triplet/train-00000-of-00001.parquet")
    assert [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)] == [ROW_GROUP] * 3


def test_null_columns_keep_their_type(tmp_path):
    write_parquet([make_row(1)], tmp_path, [FULL])
    schema = pq.read_schema(tmp_path / "data/full/train-00000-of-00001.parquet")
    assert schema.equals(arrow_schema(FULL.columns))


def test_a_text_without_utf8_form_is_counted(tmp_path):
    (pair,) = write_parquet([make_row(1), make_row(2, query="half \ud83d an emoji")], tmp_path, [PAIR])
    assert (pair.rows, dict(pair.unfit)) == (1, {"not_utf8": 1})


def test_a_config_without_rows_has_no_files(tmp_path):
    (triplet,) = write_parquet([make_row(1, negatives=())], tmp_path, [TRIPLET])
    assert triplet.rows == 0
    assert not list(tmp_path.rglob("*"))


def test_an_error_on_the_way_closes_the_files(tmp_path):
    def rows():
        yield make_row(1)
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space left"):
        write_parquet(rows(), tmp_path, [PAIR], rows_per_file=1)


def test_a_folder_is_replaced_wholly(tmp_path):
    target = tmp_path / "publish"
    for name in ("old.txt", "new.txt"):
        with replace_folder(target) as fresh:
            (fresh / name).write_text(name)
    assert [path.name for path in tmp_path.rglob("*")] == ["publish", "new.txt"]


def test_a_failed_replacement_leaves_the_old_folder(tmp_path):
    target = tmp_path / "publish"
    with replace_folder(target) as fresh:
        (fresh / "old.txt").touch()
    with pytest.raises(StoreError, match="publish: cannot be written: disk full"), replace_folder(target) as fresh:
        (fresh / "new.txt").touch()
        raise OSError(28, "disk full")
    assert [path.name for path in tmp_path.rglob("*")] == ["publish", "old.txt"]


@pytest.mark.parametrize("left", [".publish.new", ".publish.old"])
def test_what_a_killed_process_left_is_cleared(tmp_path, left):
    (tmp_path / left).mkdir()
    (tmp_path / left / "stale.txt").touch()
    with replace_folder(tmp_path / "publish") as fresh:
        assert not list(fresh.iterdir())
        (fresh / "new.txt").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["publish", "new.txt"]


def test_a_kill_between_the_renames_loses_nothing(tmp_path):
    (tmp_path / ".publish.old").mkdir()
    (tmp_path / ".publish.old" / "whole.txt").touch()
    with pytest.raises(StoreError), replace_folder(tmp_path / "publish"):
        raise OSError(28, "disk full")
    assert (tmp_path / "publish" / "whole.txt").exists()
