import json

import pytest

from flows.prompting.extract import Complaint, Reply, read_reply
from flows.prompting.prompt import ReplyField

FIELDS = (ReplyField("query", "a query"), ReplyField("answer", "an answer"))
GOOD = {"query": "who's there?", "answer": 'she said "me"'}
PLAIN = json.dumps(GOOD)


@pytest.mark.parametrize(
    ("text", "repairs"),
    [
        (PLAIN, ()),
        (f"```json\n{PLAIN}\n```", ()),
        (f"```\n{PLAIN}\n```\nI hope this helps!", ()),
        (f"Sure! Here is the JSON you asked for:\n\n{PLAIN}\n\nLet me know.", ()),
        (f"The form {{query}} it is:\n{PLAIN}", ()),
        (f"<think>maybe {{\"query\": 1}}</think>\n{PLAIN}", ()),
        (f"first I plan the {{}} object.</think>{PLAIN}", ()),
        (PLAIN[:-1] + ",}", ("trailing_comma",)),
        (PLAIN[:-1] + ', "note": None}', ("python_words",)),
        ("""{'query': 'who's there?', 'answer': 'she said "me"'}""", ("quotes",)),
        ("{“query”: \"who's there?\", “answer”: 'she said \"me\"'}", ("quotes",)),
    ],
    ids=["plain", "fence", "bare fence", "chatter", "brace in chatter", "think", "unopened think", "comma", "None",
         "single quotes", "curly quotes"],
)  # fmt: skip
def test_wrapped_and_damaged_objects_are_read(text, repairs):
    assert read_reply(text, FIELDS) == Reply(GOOD, repairs)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no_json"),
        ("I cannot help with that.", "no_json"),
        (PLAIN[:-5], "invalid_json"),
        ("[1, 2]", "no_json"),
        ('{"query": "a"}', "missing_field"),
        ('{"query": "a", "answer": null}', "wrong_type"),
        ('{"query": "a", "answer": 3}', "wrong_type"),
        ('{"query": "a", "answer": ["b"]}', "wrong_type"),
        ('{"query": "a", "answer": "  "}', "empty_field"),
        ('{"query": "a", "answer": "\\ud83d"}', "lone_surrogate"),
        ("{" * 5000, "invalid_json"),
        ("__import__('os').system('true')", "no_json"),
        ('{"query": __import__("os"), "answer": "b"}', "invalid_json"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_has_a_reason(text, reason):
    complaint = read_reply(text, FIELDS)
    assert isinstance(complaint, Complaint)
    assert complaint.reason == reason


def test_an_escaped_emoji_is_one_character():
    reply = read_reply('{"query": "\\ud83d\\ude00", "answer": "b"}', FIELDS)
    assert isinstance(reply, Reply)
    assert reply.fields["query"] == "😀"


def test_a_raw_line_break_inside_a_string_is_kept():
    reply = read_reply('{"query": "a\nb", "answer": "c"}', FIELDS)
    assert isinstance(reply, Reply)
    assert reply.fields["query"] == "a\nb"


def test_lists_of_strings():
    fields = (ReplyField("tasks", "tasks", "strings"),)
    assert read_reply('{"tasks": [" a ", "b"]}', fields) == Reply({"tasks": ["a", "b"]})
    for text in ('{"tasks": "a"}', '{"tasks": ["a", 1]}', '{"tasks": []}'):
        assert isinstance(read_reply(text, fields), Complaint)


def test_other_keys_are_left_out():
    assert read_reply(PLAIN[:-1] + ', "why": "because"}', FIELDS) == Reply(GOOD)


BOUNDED = (ReplyField("mood", "a mood", values=("merry", "grim")), ReplyField("names", "names", "strings", most=5))


def test_bounds_of_a_field_are_held_to():
    assert read_reply('{"mood": " grim ", "names": ["Anna", "Carla "]}', BOUNDED) == Reply(
        {"mood": "grim", "names": ["Anna", "Carla"]}
    )
    for text, reason, detail in (
        ('{"mood": "gloomy", "names": ["Anna"]}', "wrong_value", "must be one of 'merry', 'grim', not 'gloomy'"),
        ('{"mood": "grim", "names": ["Anna", "Barbara"]}', "long_field", "more than 5 characters"),
    ):
        complaint = read_reply(text, BOUNDED)
        assert isinstance(complaint, Complaint)
        assert (complaint.reason, detail in complaint.detail) == (reason, True)
