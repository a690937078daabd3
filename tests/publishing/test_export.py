import csv
import json
from dataclasses import replace

import datasets
import pytest

from flows.domain.records import Row, Text
from flows.errors import UsageError
from flows.publishing.export import FORMATS, MARK, export
from flows.publishing.exports.base import ExportOptions
from flows.publishing.instructions import with_instructions
from tests.publishing.rows import graded_row, make_row
from tests.publishing.test_parquet import digests

LABELS = {"labels": True}
TWO = (Text("n1", scores={"teacher": 0.2, "requested": 0.1}), Text("n2", scores={"teacher": 0.1}))
SCORED = (Text("p", scores={"teacher": 0.9}),)

ROWS = [
    make_row(1, positives=SCORED, negatives=TWO),
    make_row(2, split="validation", positives=(Text("a"), Text("b", origin="relabel", doc_id="d7"))),
    make_row(3, split="validation", positives=(Text("a"),), negatives=(Text("mined", origin="bm25", doc_id="d8"),)),
    make_row(4, negatives=()),
    make_row(
        5, family="long_short", task="Sort", requested=LABELS, positives=(Text("good"),), negatives=(Text("bad"),)
    ),
    make_row(6, family="long_short", task="Sort", requested=LABELS, positives=(Text("bad"),), split="validation"),
    graded_row(7),
    replace(graded_row(8), family="bitext", document_language="de"),
    make_row(9, query="\ud800"),
]


def run(tmp_path, name, rows=ROWS, **options):
    exported = export(lambda: iter(rows), tmp_path / "out", name, ExportOptions(**options))
    return tmp_path / "out", exported


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def load(folder, tmp_path, name=None):
    return datasets.load_dataset(str(folder), name, cache_dir=str(tmp_path / "cache"))


SHAPES = {
    "triplet": (5, ["anchor", "positive", "negative"], {"no_negative": 1, "not_utf8": 1}),
    "pair": (5, ["anchor", "positive"], {"not_utf8": 1}),
    "pair-score": (5, ["sentence1", "sentence2", "score"], {"no_score": 5, "not_utf8": 1}),
    "pair-class": (10, ["sentence1", "sentence2", "label"], {"not_utf8": 1}),
    "ranked-list": (5, ["query", "docs", "labels"], {"not_utf8": 1}),
    "n-tuple": (4, ["anchor", "positive", "negative_1"], {"too_few_negatives": 1, "not_utf8": 1}),
    "scored": (2, ["query", "positive", "negative_1", "label"], {"too_few_negatives": 1, "no_score": 5, "not_utf8": 1}),
    "text-label": (1, ["sentence", "label"], {"no_label": 6, "not_utf8": 1}),
    "parquet": (5, None, {"not_utf8": 1}),
    "jsonl": (5, None, {"not_utf8": 1}),
    "csv": (5, ["anchor", "positive", "negative"], {"no_negative": 1, "not_utf8": 1}),
}


@pytest.mark.parametrize(("name", "expected"), SHAPES.items(), ids=SHAPES)
def test_datasets_loads_every_plain_format(tmp_path, name, expected):
    folder, exported = run(tmp_path, name)
    train = load(folder, tmp_path)["train"]
    rows, columns, unfit = expected
    assert len(train) == rows
    assert columns is None or train.column_names == columns
    assert dict(exported.unfit) == unfit


def test_every_format_is_tried():
    assert {*SHAPES, "flag-embedding", "tevatron", "tevatron-ids", "beir", "mteb"} == set(FORMATS)


def test_n_tuples_have_the_same_number_of_negatives(tmp_path):
    folder, exported = run(tmp_path, "n-tuple", negatives=2)
    (line,) = load(folder, tmp_path)["train"].to_list()
    assert line == {"anchor": "query 1", "positive": "p", "negative_1": "n1", "negative_2": "n2"}
    assert exported.unfit["too_few_negatives"] == 7


def test_scores_of_a_teacher_are_raw_and_the_positive_comes_first(tmp_path):
    folder, _ = run(tmp_path, "scored", negatives=2, scorer="teacher")
    (line,) = load(folder, tmp_path)["train"].to_list()
    assert line == {
        "query": "query 1",
        "positive": "p",
        "negative_1": "n1",
        "negative_2": "n2",
        "label": [0.9, 0.2, 0.1],
    }


def test_pairs_of_two_classes(tmp_path):
    folder, _ = run(tmp_path, "pair-class", ROWS[:1])
    assert [tuple(line.values()) for line in load(folder, tmp_path)["train"].to_list()] == [
        ("query 1", "p", 1),
        ("query 1", "n1", 0),
        ("query 1", "n2", 0),
    ]


def test_ranked_lists_keep_grades(tmp_path):
    folder, _ = run(tmp_path, "ranked-list", [ROWS[0], ROWS[6]])
    assert load(folder, tmp_path)["train"]["labels"][:] == [[1.0, 0.0, 0.0], [0.875, 0.375]]


def test_classes_are_numbered_by_task_and_label(tmp_path):
    other = make_row(10, family="long_short", task="Another", requested=LABELS, positives=(Text("good"),))
    folder, exported = run(tmp_path, "text-label", [*ROWS, other])
    meanings = {line["label"]: (line["task"], line["name"]) for line in lines(folder / "classes.jsonl")}
    assert sorted(meanings.values()) == [("Another", "good"), ("Sort", "bad"), ("Sort", "good")]
    loaded = load(folder, tmp_path)
    found = {split: [(line["sentence"], meanings[line["label"]]) for line in loaded[split]] for split in loaded}
    assert found == {
        "train": [("query 5", ("Sort", "good")), ("query 10", ("Another", "good"))],
        "validation": [("query 6", ("Sort", "bad"))],
    }
    assert exported.files["classes.jsonl"] == 3


def test_jsonl_loses_nothing(tmp_path):
    folder, _ = run(tmp_path, "jsonl", ROWS[:2])
    (line,) = lines(folder / "train.jsonl")
    for name in ("requested", "measured"):
        line[name] = json.loads(line[name])
    for text in (*line["positives"], *line["negatives"]):
        text["scores"] = json.loads(text["scores"])
    assert Row.from_json(line) == ROWS[0]


def test_csv_quotes_what_it_must(tmp_path):
    nasty = 'a "quoted", text\nof two lines\rand more'
    folder, _ = run(tmp_path, "csv", [make_row(1, query=nasty)])
    with (folder / "train.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["anchor", "positive", "negative"], [nasty, "positive 1", "negative 1"]]
    assert load(folder, tmp_path)["train"]["anchor"][0] == nasty


def test_flag_embedding_files(tmp_path):
    folder, exported = run(tmp_path, "flag-embedding")
    assert exported.files == {
        "train/short_long-normal.jsonl": 1,
        "validation/short_long-normal.jsonl": 2,
        "train_no_in_batch_neg/long_short-symmetric_class_no_in_batch_neg.jsonl": 1,
        "validation_no_in_batch_neg/long_short-symmetric_class_no_in_batch_neg.jsonl": 1,
        "train_no_in_batch_neg/sts-symmetric_sts_no_in_batch_neg.jsonl": 1,
        "train/bitext-normal.jsonl": 1,
    }
    assert exported.unfit == {"no_negative": 1, "not_utf8": 1}
    assert lines(folder / "train/short_long-normal.jsonl") == [
        {"query": "query 1", "pos": ["p"], "neg": ["n1", "n2"], "prompt": "Task number 1", "type": "normal"}
    ]


def test_flag_embedding_avoids_what_its_loaders_stumble_over(tmp_path):
    folder, _ = run(tmp_path, "flag-embedding")
    for path in folder.rglob("*.jsonl"):
        # in-batch negatives are looked up by the part of the path before the last dot
        assert str(path).split(".")[-2].endswith("no_in_batch_neg") == path.parent.name.endswith("no_in_batch_neg")
        rows = lines(path)
        assert len({row["type"] for row in rows}) == 1
        assert {tuple(row) for row in rows} == {("query", "pos", "neg", "prompt", "type")}
        for row in rows:
            assert row["neg"] and row["pos"] and isinstance(row["prompt"], str)
            assert all(isinstance(text, str) for text in (*row["pos"], *row["neg"]))


def test_flag_embedding_scores_are_on_every_line_or_none(tmp_path):
    folder, exported = run(tmp_path, "flag-embedding", scorer="teacher")
    (line,) = lines(folder / "train/short_long-normal.jsonl")
    assert (line["pos_scores"], line["neg_scores"]) == ([0.9], [0.2, 0.1])
    assert exported.files == {"train/short_long-normal.jsonl": 1}
    assert exported.unfit["no_score"] == 6


def test_tevatron_files(tmp_path):
    folder, exported = run(tmp_path, "tevatron")
    assert exported.files == {"train.jsonl": 4, "validation.jsonl": 3}
    assert exported.unfit == {"no_negative": 1, "not_utf8": 1}
    line = lines(folder / "validation.jsonl")[0]
    assert list(line) == ["query_id", "query", "positive_passages", "negative_passages"]
    assert [set(passage) for passage in line["positive_passages"]] == [{"docid", "text"}] * 2
    assert line["positive_passages"][1] == {"docid": "d7", "text": "b"}
    again = lines(folder / "validation.jsonl")[1]
    assert again["positive_passages"][0] == line["positive_passages"][0]


def test_tevatron_scores_for_distillation(tmp_path):
    folder, exported = run(tmp_path, "tevatron", scorer="teacher")
    (line,) = lines(folder / "train.jsonl")
    assert [passage["score"] for passage in (*line["positive_passages"], *line["negative_passages"])] == [0.9, 0.2, 0.1]
    assert exported.unfit == {"no_score": 6, "no_negative": 1, "not_utf8": 1}


def test_tevatron_files_by_id(tmp_path):
    folder, exported = run(tmp_path, "tevatron-ids")
    assert exported.files == {"train.jsonl": 4, "validation.jsonl": 3, "corpus.jsonl": 14}
    corpus = {line["docid"]: line["text"] for line in lines(folder / "corpus.jsonl")}
    assert len(corpus) == 14
    line = lines(folder / "validation.jsonl")[0]
    assert (line["query_text"], [corpus[name] for name in line["positive_document_ids"]]) == ("query 2", ["a", "b"])
    assert [corpus[name] for name in line["negative_document_ids"]] == ["negative 2"]


def test_beir_folder(tmp_path):
    folder, exported = run(tmp_path, "beir")
    corpus = {line["_id"]: line["text"] for line in lines(folder / "corpus.jsonl")}
    assert sorted(corpus.values()) == ["a", "b", "mined", "negative 2"]
    assert lines(folder / "queries.jsonl") == [{"_id": row.id, "text": row.query} for row in ROWS[1:3]]
    header, *qrels = (folder / "qrels/validation.tsv").read_text().splitlines()
    assert header == "query-id\tcorpus-id\tscore"
    found = [line.split("\t") for line in qrels]
    assert [(query, corpus[document], score) for query, document, score in found] == [
        (ROWS[1].id, "a", "1"),
        (ROWS[1].id, "b", "1"),
        (ROWS[2].id, "a", "1"),
    ]
    assert exported.files == {"corpus.jsonl": 4, "queries.jsonl": 2, "qrels/validation.tsv": 3}
    assert exported.unfit == {"not_held_out": 5, "labels": 1, "not_utf8": 1}


@pytest.mark.parametrize(
    ("config", "rows", "columns"),
    [
        ("corpus", 4, ["_id", "title", "text"]),
        ("queries", 2, ["_id", "text"]),
        ("qrels", 3, ["query-id", "corpus-id", "score"]),
        ("instruction", 2, ["query-id", "instruction"]),
    ],
)
def test_mteb_configs(tmp_path, config, rows, columns):
    folder, exported = run(tmp_path, "mteb")
    loaded = load(folder, tmp_path, config)
    assert list(loaded) == ["validation"]
    assert (len(loaded["validation"]), loaded["validation"].column_names) == (rows, columns)
    assert datasets.get_dataset_config_names(str(folder)) == ["corpus", "queries", "qrels", "instruction"]
    assert exported.unfit == {"not_held_out": 5, "labels": 1, "not_utf8": 1}


def test_a_benchmark_has_the_documents_of_each_split(tmp_path):
    again = replace(ROWS[2], split="test")
    folder, _ = run(tmp_path, "mteb", [*ROWS, again])
    loaded = load(folder, tmp_path, "corpus")
    assert {split: sorted(part["text"]) for split, part in loaded.items()} == {
        "validation": ["a", "b", "mined", "negative 2"],
        "test": ["a", "mined"],
    }
    folder, _ = run(tmp_path, "beir", [*ROWS, again])
    assert len(lines(folder / "corpus.jsonl")) == 4
    assert sorted(path.name for path in (folder / "qrels").iterdir()) == ["test.tsv", "validation.tsv"]


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_rows_give_the_same_bytes(tmp_path, name):
    for folder in ("one", "two"):
        export(lambda: iter(ROWS), tmp_path / folder, name)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


@pytest.mark.parametrize("name", FORMATS)
def test_no_rows_are_no_error(tmp_path, name):
    folder, exported = run(tmp_path, name, [])
    assert not sum(exported.files.values())
    assert MARK in (folder / "README.md").read_text()


def test_an_export_takes_the_place_of_an_earlier_one_only(tmp_path):
    folder, _ = run(tmp_path, "jsonl")
    run(tmp_path, "csv")
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "train.csv", "validation.csv"]
    (folder / "README.md").write_text("mine")
    with pytest.raises(UsageError, match="holds other things than an earlier export: choose another folder"):
        run(tmp_path, "csv")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="holds other things"):
        export(lambda: iter(ROWS), tmp_path / "file", "csv")


def test_what_is_left_out_is_said(tmp_path):
    folder, _ = run(tmp_path, "tevatron")
    readme = (folder / "README.md").read_text()
    assert "| no_negative | 1 |" in readme and "| train.jsonl | 4 |" in readme


def test_every_family_can_be_a_config_of_its_own(tmp_path):
    folder, exported = run(tmp_path, "pair", by_family=True)
    names = ["bitext", "long_short_no_in_batch_neg", "short_long", "sts_no_in_batch_neg"]
    assert datasets.get_dataset_config_names(str(folder)) == names
    assert load(folder, tmp_path, "sts_no_in_batch_neg")["train"].to_list() == [
        {"anchor": "query 7", "positive": "close 7"}
    ]
    assert {split: len(part) for split, part in load(folder, tmp_path, "short_long").items()} == {
        "train": 2,
        "validation": 3,
    }
    assert exported.unfit == {"not_utf8": 1}
    assert exported.files["data/short_long/validation-*.parquet"] == 3


STYLES = {
    "bare": (0, "query 1", "p"),
    "instruct": (0, "Instruct: Task number 1\nQuery: query 1", "p"),
    "prefix": (0, "query: query 1", "passage: p"),
    "instruct, symmetric": (6, "Instruct: Task number 7\nQuery: query 7", "Instruct: Task number 7\nQuery: close 7"),
    "prefix, symmetric": (6, "query: query 7", "query: close 7"),
}


@pytest.mark.parametrize(("style", "expected"), STYLES.items(), ids=STYLES)
def test_instructions_are_written_into_the_texts_on_request(tmp_path, style, expected):
    place, query, positive = expected
    folder, _ = run(tmp_path, "pair", [ROWS[place]], instructions=style.split(",")[0])
    assert load(folder, tmp_path)["train"].to_list() == [{"anchor": query, "positive": positive}]


def test_scores_and_negatives_survive_an_instruction():
    (row,) = with_instructions([ROWS[0]], "prefix")
    assert [(text.text, text.scores) for text in row.negatives] == [
        ("passage: n1", TWO[0].scores),
        ("passage: n2", TWO[1].scores),
    ]


WRONG = {
    "format": (("parket",), {}, "format 'parket': choose one of triplet, pair"),
    "style": (("pair",), {"instructions": "loud"}, "instructions 'loud': choose one of bare, instruct, prefix"),
    "negatives": (("n-tuple",), {"negatives": 0}, "negatives 0: a line needs at least one"),
}


@pytest.mark.parametrize(("arguments", "options", "message"), WRONG.values(), ids=WRONG)
def test_wrong_use_is_named(tmp_path, arguments, options, message):
    with pytest.raises(UsageError, match=message):
        run(tmp_path, *arguments, **options)
    assert not (tmp_path / "out").exists()
