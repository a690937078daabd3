from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from flows.errors import RejectedLLMError, StoreError, UsageError
from flows.llm.replay import Replay, address, to_line
from flows.llm.types import ChatRequest, Completion, Message

REQUEST = ChatRequest(
    (Message("user", "Hello"),), prompt="e5/sts", variables={"unit": "sentence", "n": 3}, wording="46baa695"
)
REPLY = Completion("hi", model="m-2026", tokens_in=7, tokens_out=3, rung="json_schema", reasoning="hm")


def line(**changes: Any) -> bytes:
    return orjson.dumps({**orjson.loads(to_line(REQUEST, REPLY)), **changes}) + b"\n"


def test_a_line_is_as_documented_and_holds_no_more():
    assert orjson.loads(to_line(REQUEST, REPLY)) == {
        "v": 1,
        "prompt": "e5/sts",
        "variables": {"unit": "sentence", "n": 3},
        "turn": 0,
        "wording": "46baa695",
        "reply": {
            "text": "hi",
            "finish": "stop",
            "model": "m-2026",
            "tokens_in": 7,
            "tokens_out": 3,
            "rung": "json_schema",
            "reasoning": "hm",
        },
    }


async def test_a_recorded_reply_comes_back_marked_as_such(tmp_path: Path):
    logged = replace(REPLY, logprobs=(-0.5, -1.0))
    (tmp_path / "r.jsonl").write_bytes(to_line(REQUEST, logged))
    answer = await Replay([tmp_path / "r.jsonl"]).complete(REQUEST)
    assert answer == replace(logged, recorded=True, wording="46baa695")


@pytest.mark.parametrize(
    "change",
    [
        {"wording": "other", "messages": (Message("user", "Other words"),)},
        {"temperature": 0.1, "max_tokens": 5, "schema": {"type": "object"}, "seed": 9},
        {"variables": {"n": 3, "unit": "sentence"}},
    ],
    ids=["words", "sampling", "order of variables"],
)
def test_neither_words_nor_sampling_are_part_of_the_address(change: dict[str, Any]):
    assert address(replace(REQUEST, **change)) == address(REQUEST)


@pytest.mark.parametrize(
    "change",
    [{"prompt": "e5/bitext"}, {"turn": 1}, {"variables": {"unit": "sentence", "n": 4}}, {"variables": {}}],
    ids=str,
)
async def test_what_is_not_recorded_is_rejected(tmp_path: Path, change: dict[str, Any]):
    (tmp_path / "r.jsonl").write_bytes(line())
    with pytest.raises(RejectedLLMError) as caught:
        await Replay([tmp_path]).complete(replace(REQUEST, **change))
    assert caught.value.reason == "not_recorded"


async def test_the_first_of_two_replies_holds_across_files_and_folders(tmp_path: Path):
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "first.jsonl").write_bytes(line() + line(reply={"text": "later in the file"}))
    (tmp_path / "folder" / "a.jsonl").write_bytes(line(reply={"text": "in a later file"}))
    (tmp_path / "folder" / "deep" / "b.jsonl").write_bytes(line(turn=1, reply={"text": "only here"}))
    replay = Replay([tmp_path / "first.jsonl", tmp_path / "folder"])
    assert (await replay.complete(REQUEST)).text == "hi"
    assert (await replay.complete(replace(REQUEST, turn=1))).text == "only here"


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (b"{not json}\n", "no JSON"),
        (b"\n", "no JSON"),
        (b"\xff\n", "no JSON"),
        (b"[]\n", "no recorded reply"),
        (b"{}\n", "no 'v'"),
        (line(v=2), "version 2"),
        (line(variables=3), "no object"),
        (line(reply={}), "no 'text'"),
        (line(reply={"text": None}), "no text"),
        (line(turn="x"), "no recorded reply"),
    ],
    ids=range(10),
)
async def test_a_damaged_line_is_named(tmp_path: Path, bad: bytes, says: str):
    path = tmp_path / "r.jsonl"
    path.write_bytes(line() + bad + line(turn=1))
    with pytest.raises(StoreError) as caught:
        await Replay([path]).complete(REQUEST)
    assert f"{path}, line 2" in str(caught.value)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_an_unfinished_last_line_is_passed_over_and_a_whole_one_counts(tmp_path: Path):
    torn, whole = tmp_path / "torn.jsonl", tmp_path / "whole.jsonl"
    torn.write_bytes(line() + line(turn=1)[:-20])
    whole.write_bytes(line(turn=1).rstrip())
    assert len(Replay([torn]).replies()) == 1
    assert len(Replay([whole]).replies()) == 1


@pytest.mark.parametrize("name", ["missing.jsonl", "empty"])
async def test_no_recording_is_the_users_mistake(tmp_path: Path, name: str):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"no recording (at|in) .*" + name):
        await Replay([tmp_path / name]).complete(REQUEST)
