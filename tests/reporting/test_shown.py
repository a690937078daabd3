from flows.domain.records import Text
from flows.domain.units import Dropped
from flows.reporting import shown
from tests.reporting.folder import dropped_row, dropped_unit, measured, numbered


def test_an_accepted_row_shows_what_was_asked_and_found():
    one = measured(numbered(1, requested={"num_words": 50, "language": "English", "words": {"positives": [50, None]}}))
    row = shown.accepted(one)
    assert row["requested"] == {"num_words": 50}
    assert row["bounds"] == {"positives": [50, None]}
    assert row["words"] == {"query": [8], "positives": [14], "negatives": [15]}
    assert "reason" not in row


def test_a_rejected_row_names_its_stage_reason_and_twin():
    row = shown.rejected(
        "curate", dropped_row(numbered(2), "duplicate", f"same query and positive as {1:016x}"), [f"{1:016x}"]
    )
    assert (row["stage"], row["reason"], row["query"]) == ("curate", "duplicate", numbered(2).query)
    assert row["links"] == ["0000000000000001"]


def test_a_reason_names_other_rows():
    assert shown.named_rows(dropped_row(numbered(2), "duplicate", f"as {1:016x}")) == ["0000000000000001"]


def test_a_reply_that_made_no_row_is_shown_as_it_was():
    row = shown.rejected("generate", dropped_unit(3, "not_json", "Sure! Here you are"), [])
    assert (row["reply"], row["family"], row["requested"]) == ("Sure! Here you are", "sts", {"unit": "sentence"})


def test_a_dropped_task_shows_its_sentence():
    task = Dropped("a.0", "near_duplicate", "0.80 like 'Find tides'", {"family": "sts", "task": "Find the tides"})
    row = shown.rejected("brainstorm", task, [])
    assert (row["task"], row["positives"], row["reply"]) == ("Find the tides", [], None)


def test_a_long_text_is_cut_and_says_so():
    long = "x" * (shown.MOST_CHARACTERS + 5)
    texts = shown.accepted(measured(numbered(4, positives=(Text(long),))))["positives"]
    assert texts[0]["text"] == "x" * shown.MOST_CHARACTERS + " … (5 more characters)"
