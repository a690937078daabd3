import pytest

from flows.errors import UsageError
from flows.sources.columns import find_columns


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ("anchor positive negative", "query=anchor, positives=positive, negatives=negative"),
        ("negative_2 positive anchor negative_1 negative_10",
         "query=anchor, positives=positive, negatives=negative_1+negative_2+negative_10"),
        ("query pos neg pos_scores neg_scores prompt type",
         "query=query, positives=pos, negatives=neg, positive_scores=pos_scores, negative_scores=neg_scores, "
         "instruction=prompt, kind=type"),
        ("Question Answer source", "query=Question, positives=Answer (not used: source)"),
        ("query_id query positive_passages negative_passages",
         "query=query, positives=positive_passages, negatives=negative_passages (not used: query_id)"),
        ("query positive document", "query=query, positives=positive (not used: document)"),
        ("sentence1 sentence2 label", "query=sentence1, positives=sentence2 (not used: label)"),
        ("query docs", "query=query, documents=docs"),
    ],
)  # fmt: skip
def test_columns_are_found_by_the_names_of_the_field(columns, said):
    assert str(find_columns([dict.fromkeys(columns.split(), "words")])) == said


def test_only_a_column_of_numbers_is_a_score():
    pair = {"sentence1": "a", "sentence2": "b"}
    assert "score" not in find_columns([pair | {"label": "spam"}]).roles
    assert find_columns([pair | {"label": 1}]).roles["score"] == ("label",)
    assert find_columns([pair | {"score": "0.5"}]).roles["score"] == ("score",)


def test_what_is_given_goes_before_what_is_found():
    record = {"query": "a", "title": "b", "body": "c", "positive": "d"}
    columns = find_columns([record], "query=title,positives=body+positive")
    assert columns.roles == {"query": ("title",), "positives": ("body", "positive")}
    assert columns.unused == ("query",)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("query=nope", "rows.csv has no column 'nope'; it has a, b"),
        ("asker=a", "write role=column, with a role of query, positives"),
        ("query", "write role=column"),
        ("query=a+b", "query is one column"),
        ("query=a", r"rows\.csv: no column is known to hold the positives; .* \(columns: a, b\)"),
        ("", "no column is known to hold the query"),
    ],
)
def test_columns_that_cannot_be_are_refused_with_those_there_are(given, words):
    with pytest.raises(UsageError, match=words):
        find_columns([{"a": "x", "b": "y"}], given, "rows.csv")
