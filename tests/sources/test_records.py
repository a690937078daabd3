import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.errors import UsageError
from flows.sources.records import BadRecord, Record, read_records

VALUES = [{"query": "a", "pos": "b"}, {"query": "c", "pos": "d"}]
LINES = "".join(json.dumps(value) + "\n" for value in VALUES)


def read(path):
    return list(read_records(path, path.name))


def test_lines_an_array_and_compressed_lines_give_the_same(tmp_path):
    (tmp_path / "a.jsonl").write_text("\ufeff" + LINES + "\n")
    (tmp_path / "b.json").write_text("\n" + json.dumps(VALUES, indent=2))
    (tmp_path / "c.json").write_text(LINES)
    with gzip.open(tmp_path / "d.jsonl.gz", "wt") as file:
        file.write(LINES)
    for name in ("a.jsonl", "b.json", "c.json", "d.jsonl.gz"):
        assert [record.values for record in read(tmp_path / name)] == VALUES


def test_tables_give_the_same(tmp_path):
    (tmp_path / "a.csv").write_text('query,pos\na,b\nc,"d"\n')
    (tmp_path / "b.tsv").write_text("query\tpos\na\tb\nc\td\n")
    pq.write_table(pa.Table.from_pylist(VALUES), tmp_path / "c.parquet")
    for name in ("a.csv", "b.tsv", "c.parquet"):
        assert [record.values for record in read(tmp_path / name)] == VALUES


def test_bad_lines_are_values_with_place_and_reason(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"query": "a"}\n{"query": \n[1]\n{"query": "\xff"}\n{"query": NaN}\n')
    found = read(path)
    assert [type(one) for one in found] == [Record, BadRecord, BadRecord, BadRecord, Record]
    assert [one.reason for one in found if isinstance(one, BadRecord)] == ["bad_json", "bad_record", "bad_json"]
    assert [one.where for one in found] == [f"a.jsonl:{line}" for line in range(1, 6)]


def test_a_csv_row_of_other_length_is_bad_and_bytes_that_are_no_text_are_marked(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"query,pos\na\nb,c\xff\n")
    bad, marked = read(path)
    assert isinstance(bad, BadRecord) and bad.detail == "1 fields, the header has 2"
    assert marked.values == {"query": "b", "pos": "c\ufffd"}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", b"", "unknown kind of file; known: .csv"),
        ("a.parquet", b"no", "cannot be read as Parquet"),
        ("a.json", b"[1, ", "no JSON array"),
        ("a.jsonl.gz", b"no", "cannot be read: Not a gzipped file"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=words) as caught:
        read(tmp_path / name)
    assert "\n" not in str(caught.value) and name in str(caught.value)
