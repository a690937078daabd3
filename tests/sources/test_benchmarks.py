import json

import pytest

from flows.errors import UsageError
from flows.sources.benchmarks import locate_benchmark, read_texts


def write(path, *records):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def texts(path):
    return sorted(read_texts(locate_benchmark(str(path))))


def test_a_beir_folder_gives_queries_and_documents(tmp_path):
    write(tmp_path / "corpus.jsonl", {"_id": "1", "title": "Wings", "text": "of birds"}, {"_id": "2", "text": "keels"})
    write(tmp_path / "queries.jsonl", {"_id": "1", "text": "why do birds fly"})
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n1\t1\t1\n")
    assert texts(tmp_path) == [("document", "Wings of birds"), ("document", "keels"), ("query", "why do birds fly")]


def test_pairs_are_short_texts_and_lists_are_opened(tmp_path):
    write(tmp_path / "sts.jsonl", {"sentence1": "a", "sentence2": "b", "score": 3.0})
    assert texts(tmp_path / "sts.jsonl") == [("query", "a"), ("query", "b")]
    write(tmp_path / "rerank.jsonl", {"query": "q", "positive": ["p"], "negative": [{"title": "t", "text": "n"}]})
    expected = [("document", "n"), ("document", "p"), ("document", "t"), ("query", "q")]
    assert texts(tmp_path / "rerank.jsonl") == expected


@pytest.mark.parametrize(
    ("records", "words"),
    [([{"x": "y"}], "no column of a known name holds text"), ([[1]], "an object is wanted")],
)
def test_a_benchmark_that_cannot_be_read_stops(tmp_path, records, words):
    write(tmp_path / "a.jsonl", *records)
    with pytest.raises(UsageError, match=words):
        texts(tmp_path / "a.jsonl")


def test_a_benchmark_that_is_not_there_is_said(tmp_path):
    with pytest.raises(UsageError, match="no such file or folder"):
        locate_benchmark(str(tmp_path / "nothing.jsonl"))
    with pytest.raises(UsageError, match="holds no queries or documents"):
        locate_benchmark(str(tmp_path))
