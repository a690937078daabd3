import json
from typing import Any

import orjson
import pytest

from flows.errors import RejectedLLMError, TransientLLMError
from flows.llm.ladder import STEPS
from flows.llm.outcome import EndpointFailure
from flows.llm.types import ChatRequest, Completion, Message
from flows.llm.wire import Dialect, decode, encode
from tests.llm.conftest import reply

SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}}
REQUEST = ChatRequest((Message("system", "S"), Message("user", "U")), SCHEMA, "reply", 0.7, 0.9, 50, seed=3)
PLAIN = Dialect()


def body(request: ChatRequest = REQUEST, step: int = 0, dialect: Dialect = PLAIN, **options: Any) -> dict[str, Any]:
    return orjson.loads(encode(request, "m", STEPS[step], dialect, **options))


def completion(answer: Any) -> Completion:
    payload = answer if isinstance(answer, bytes) else orjson.dumps(answer)
    return decode(payload, where="http://h/v1", rung="json_schema", secret="sk-secret")


def test_a_body_holds_what_the_api_names_and_nothing_of_ours():
    assert body() == {
        "model": "m",
        "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}],
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 50,
        "seed": 3,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "reply", "schema": SCHEMA, "strict": True},
        },
    }


@pytest.mark.parametrize(
    ("step", "response_format"),
    [(1, {"type": "json_object", "schema": SCHEMA}), (2, {"type": "json_object"}), (3, None)],
)
def test_each_step_asks_in_its_own_way(step: int, response_format: dict[str, Any] | None):
    assert body(step=step).get("response_format") == response_format


def test_the_recipes_own_fields_are_sent_last():
    request = ChatRequest((), extra={"logprobs": True, "temperature": 0.1})
    assert (body(request)["logprobs"], body(request)["temperature"]) == (True, 0.1)


def test_a_dialect_renames_and_leaves_out():
    dialect = Dialect().adapted("max_tokens").adapted("seed").adapted("top_p")
    sent = body(dialect=dialect)
    assert sent["max_completion_tokens"] == 50
    assert not {"max_tokens", "seed", "top_p"} & set(sent)


def test_an_uncapped_body_leaves_the_length_to_the_model():
    assert "max_tokens" not in body(capped=False)


def test_half_a_surrogate_pair_in_a_prompt_is_rejected():
    with pytest.raises(RejectedLLMError) as caught:
        body(ChatRequest((Message("user", "\ud83d"),)))
    assert caught.value.reason == "bad_request"


def test_a_reply_is_read_with_its_account():
    assert completion(reply("hi")) == Completion(
        text="hi", finish="stop", model="m-2026", tokens_in=7, tokens_out=3, rung="json_schema"
    )


@pytest.mark.parametrize(
    ("content", "message", "text", "finish", "reasoning"),
    [
        (None, {}, "", "stop", None),
        ([{"type": "text", "text": "a"}, {"type": "thinking"}, {"type": "text", "text": "b"}], {}, "ab", "stop", None),
        ("a", {"reasoning_content": "hm"}, "a", "stop", "hm"),
        ("a", {"reasoning": "hm"}, "a", "stop", "hm"),
        (None, {"refusal": "I cannot"}, "I cannot", "refusal", None),
        ([{"type": "refusal", "refusal": "no"}], {}, "no", "refusal", None),
        (17, {}, "", "stop", None),
    ],
    ids=["null", "parts", "reasoning_content", "reasoning", "refusal", "refusal part", "number"],
)
def test_content_comes_in_many_shapes(
    content: Any, message: dict[str, Any], text: str, finish: str, reasoning: str | None
):
    read = completion(reply(content, **message))
    assert (read.text, read.finish, read.reasoning) == (text, finish, reasoning)


@pytest.mark.parametrize(
    ("said", "finish"),
    [
        ("stop", "stop"),
        (None, "stop"),
        ("eos", "stop"),
        ("length", "length"),
        ("MAX_TOKENS", "length"),
        ("model_length", "length"),
        ("content_filter", "content_filter"),
        ("SAFETY", "content_filter"),
        ("refusal", "refusal"),
        ("tool_calls", "stop"),
    ],
)
def test_finish_reasons_become_four(said: str | None, finish: str):
    assert completion(reply("x", finish=said)).finish == finish


@pytest.mark.parametrize("usage", [None, [], {}, {"prompt_tokens": None}, {"prompt_tokens": "7"}])
def test_usage_may_be_missing(usage: Any):
    read = completion({**reply("x"), "usage": usage})
    assert (read.tokens_in, read.tokens_out) == (0, 0)


def test_logprobs_are_asked_for_only_on_request():
    assert body(ChatRequest((), logprobs=True))["logprobs"] is True
    assert "logprobs" not in body(ChatRequest(()))


def test_logprobs_are_kept():
    answer = reply("ab")
    answer["choices"][0]["logprobs"] = {"content": [{"token": "a", "logprob": -0.5}, {"token": "b", "logprob": 0}]}
    assert completion(answer).logprobs == (-0.5, 0.0)


def test_halves_of_surrogate_pairs_become_replacement_characters():
    payload = json.dumps(reply("a\ud83d b \ud83d\ude00")).encode()
    assert b"\\ud83d" in payload
    assert completion(payload).text == "a� b 😀"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"<html>proxy</html>",
        orjson.dumps(reply("cut off"))[:-20],
        b'"text"',
        b"[]",
        b"{}",
        b"\xff\xfe\xfd",
        b"[" * 100_000,
        orjson.dumps({**reply("x"), "choices": []}),
        orjson.dumps({"choices": [None]}),
        orjson.dumps({"choices": [{"message": None}]}),
        orjson.dumps(reply("x", finish="abort")),
    ],
    ids=range(12),
)
def test_what_is_no_completion_is_transient(payload: bytes):
    with pytest.raises(TransientLLMError):
        completion(payload)


def test_a_complaint_about_a_body_shows_its_start_without_the_key():
    with pytest.raises(TransientLLMError, match=r"something other than JSON: Hello \[key\]"):
        completion(b"Hello sk-secret")


def test_an_error_in_a_good_reply_is_a_failure():
    with pytest.raises(EndpointFailure) as caught:
        completion({"error": {"code": 429, "message": "slow down"}})
    assert caught.value.failure.status == 429
