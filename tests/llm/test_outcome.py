from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import orjson
import pytest

from flows.errors import FatalLLMError, RejectedLLMError, TransientLLMError
from flows.llm.outcome import error_in, one_line, read_failure, read_retry_after, to_error
from tests.llm.conftest import error


def failure(status: int, body: Any, headers: dict[str, str] | None = None):
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    return read_failure(status, headers or {}, data, secret="sk-secret-value")


def mapped(status: int, body: Any, *, key_sent: bool = True):
    return to_error(failure(status, body), where="http://h/v1", key_sent=key_sent)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (408, "timeout"),
        (409, "server_error"),
        (429, "rate_limit"),
        (500, "server_error"),
        (502, "server_error"),
        (503, "overloaded"),
        (504, "timeout"),
        (529, "overloaded"),
    ],
)
def test_what_may_pass_is_transient_and_named(status: int, kind: str):
    problem = mapped(status, error("busy"))
    assert isinstance(problem, TransientLLMError)
    assert (problem.status, problem.kind) == (status, kind)


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (401, error("Incorrect API key"), "OPENAI_API_KEY"),
        (402, error("Insufficient Balance"), "Add credit"),
        (403, error("no access to this region"), "refused the key (403)"),
        (404, b"<html><h1>Not Found</h1></html>", "usually ends in /v1"),
        (405, error("Method Not Allowed"), "takes no chat completions"),
        (307, b"", "takes no chat completions"),
        (429, error("You exceeded your quota", code="insufficient_quota"), "Add credit"),
    ],
)
def test_what_no_other_call_survives_is_fatal_in_one_line(status: int, body: Any, says: str):
    problem = mapped(status, body)
    assert isinstance(problem, FatalLLMError)
    assert says in str(problem)
    assert "\n" not in str(problem)


def test_a_missing_key_is_asked_for():
    assert "set OPENAI_API_KEY" in str(mapped(401, error("unauthorized"), key_sent=False))


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (400, error("bad value for n"), "bad_request"),
        (422, {"detail": [{"loc": ["body", "n"], "msg": "must be positive"}]}, "bad_request"),
        (400, error("too long", code="context_length_exceeded"), "context_length"),
        (400, error("This model's maximum context length is 2048 tokens, you asked for 9000"), "context_length"),
        (400, error("the request exceeds the available context size"), "context_length"),
        (413, b"Payload Too Large", "context_length"),
        (400, error("The response was filtered", code="content_filter"), "content_filter"),
        (403, error("Your input was flagged by moderation"), "content_filter"),
    ],
)
def test_what_concerns_one_request_is_rejected_with_its_reason(status: int, body: Any, reason: str):
    problem = mapped(status, body)
    assert isinstance(problem, RejectedLLMError)
    assert problem.reason == reason


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (error("said so"), "said so"),
        ({"error": "model is loading"}, "model is loading"),
        ({"object": "error", "message": "bad", "code": 400}, "bad"),
        ({"detail": [{"loc": ["body", "seed"], "msg": "extra"}, "odd"]}, "body.seed: extra; odd"),
        (b"<html><style>p {}</style><h1>502</h1>\n<p>Bad  Gateway</p></html>", "502 Bad Gateway"),
        (b"", ""),
        (b"[1]", "[1]"),
        (b"\xff\xfe", "��"),
    ],
    ids=["openai", "ollama", "old vllm", "fastapi", "html", "empty", "array", "binary"],
)
def test_the_message_is_found_in_every_shape_of_error(body: Any, message: str):
    assert failure(500, body).message == message


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("bad key sk-secret-value here", "bad key [key] here"),
        ("bad key: sk-abc***********wxyz.", "bad key: [key]."),
        ("at http://user:pass@host/v1", "at http://[key]host/v1"),
        ("two\n\nlines", "two lines"),
        ("x" * 400, "x" * 299 + "…"),
    ],
)
def test_a_line_for_people_holds_no_key(text: str, shown: str):
    assert one_line(text, secret="sk-secret-value") == shown


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after": "Mon, 02 Nov 2026 10:00:30 GMT", "date": "Mon, 02 Nov 2026 10:00:00 GMT"}, 30.0),
        ({"retry-after": "Mon, 02 Nov 2026 09:00:00 GMT", "date": "Mon, 02 Nov 2026 10:00:00 GMT"}, 0.0),
    ],
)
def test_retry_after_is_read_as_seconds_date_or_milliseconds(headers: dict[str, str], seconds: float | None):
    assert read_retry_after(headers) == seconds


def test_a_date_without_the_servers_clock_counts_from_now():
    later = datetime.now(UTC) + timedelta(seconds=100)
    seconds = read_retry_after({"retry-after": format_datetime(later, usegmt=True)})
    assert seconds is not None
    assert 0 < seconds <= 100


@pytest.mark.parametrize(
    ("status", "body", "parameter"),
    [
        (
            400,
            error("Unsupported parameter: 'max_tokens' …", param="max_tokens", code="unsupported_parameter"),
            "max_tokens",
        ),
        (400, error("'temperature' does not support 0.7 with this model", param="temperature"), "temperature"),
        (400, error("`temperature` and `top_p` cannot both be specified"), "top_p"),
        (422, {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}, "seed"),
        (403, error("You are not allowed to request logprobs from this model"), "logprobs"),
        (403, error("You are not allowed to use this model"), None),
        (400, error("Unknown parameter: 'foo'", param="foo"), None),
        (400, error("temperature must be below 2", param="temperature"), None),
        (400, error("max_tokens is too large: maximum context length is 2048; not supported"), None),
        (500, error("temperature is not supported"), None),
    ],
)
def test_a_parameter_that_the_endpoint_does_not_take_is_named(status: int, body: Any, parameter: str | None):
    assert failure(status, body).unsupported == parameter


@pytest.mark.parametrize(
    ("status", "message", "names", "may_be"),
    [
        (400, "response_format json_schema is not supported", True, True),
        (500, "1 validation error: response_format -> type", True, True),
        (400, "grammar could not be compiled", True, True),
        (400, "bad request", False, True),
        (500, "internal error", False, True),
        (503, "response_format", False, False),
        (400, "maximum context length is 10 tokens, schema", False, False),
        (404, "model 'x' not found", False, False),
    ],
)
def test_the_format_is_suspected_only_where_it_can_be_the_cause(status: int, message: str, names: bool, may_be: bool):
    problem = failure(status, error(message))
    assert (problem.names_format, problem.may_be_format) == (names, may_be)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"error": {"code": 429, "message": "slow down"}}, 429),
        ({"error": {"code": "x"}}, 502),
        ({"error": "broken"}, 502),
    ],
)
def test_an_error_inside_a_good_reply_keeps_its_status(said: dict[str, Any], status: int):
    assert error_in(said).status == status
