"""The Batch API client against a real server."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from flows.errors import FatalLLMError, RejectedLLMError, StoppedError, StoreError, UsageError
from flows.llm.batch.api import BatchApi
from flows.llm.batch.client import OpenAIBatch
from flows.llm.batch.desk import Limits
from flows.llm.endpoint import resolve
from flows.llm.open import open_llm, preflight
from flows.llm.policy import CallPolicy
from flows.llm.types import ChatRequest, Completion, Message
from tests.servers.batch_server import BatchConfig, BatchServer, serving_batches

SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
QUICK = Limits(settle=0.02, poll=0.001)


def question(number: int, words: str = "", **more: Any) -> ChatRequest:
    more = {"schema": SCHEMA, "schema_name": "s", "key": f"u{number}.0", **more}
    return ChatRequest((Message("user", f"Question {number}. {words}\n- Language: English"),), **more)


@asynccontextmanager
async def asking(
    server: BatchServer | None, state: Path, *, model: str = "m", limits: Limits = QUICK, key: str | None = None
) -> AsyncIterator[OpenAIBatch]:
    """A client as a process would have it."""
    endpoint = resolve(server.url if server else "http://by.hand/v1", key)
    api = BatchApi(endpoint, timeout=10, stall=2, backoff=0.01) if server else None
    client = OpenAIBatch(endpoint, model, state=state, api=api, timeout=10, limits=limits)
    try:
        yield client
    finally:
        await client.aclose()


async def ask(client: OpenAIBatch, requests: list[ChatRequest]) -> list[Completion | BaseException]:
    return await asyncio.gather(*map(client.complete, requests), return_exceptions=True)


async def finish(server: BatchServer, state: Path, requests: list[ChatRequest], **more: Any) -> list[Any]:
    """Ask in a process of its own, to the end."""
    async with asking(server, state, **more) as client:
        return await ask(client, requests)


async def kill_at(server: BatchServer, state: Path, requests: list[ChatRequest], call: str) -> None:
    """Ask in a process that dies when the server has obeyed its first call of a kind, before it hears of that."""
    server.held = call
    async with asking(server, state) as client:
        asked = asyncio.gather(*map(client.complete, requests))
        await server.served[call].wait()
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
    server.held = ""
    server.let_go.set()


def texts(answers: list[Any]) -> list[str]:
    assert all(isinstance(answer, Completion) for answer in answers), answers
    return [answer.text for answer in answers]


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Any]]:
    runs = []

    async def start(**config: Any) -> BatchServer:
        run = serving_batches(BatchConfig(**config))
        runs.append(run)
        return await run.__aenter__()

    yield start
    for run in runs:
        await run.__aexit__(None, None, None)


async def test_requests_that_come_together_go_in_one_batch(serve, tmp_path):
    server = await serve()
    answers = await finish(server, tmp_path, [question(n) for n in range(20)])
    assert len(set(texts(answers))) == 20
    assert {(a.model, a.rung, a.finish) for a in answers} == {("m", "json_schema", "stop")}
    assert all(a.tokens_in and a.tokens_out for a in answers)
    [batch] = server.batches.values()
    assert batch.metadata["triplesmith"] + ".input.jsonl" == server.files[batch.file][0]
    lines = server.requests(0)
    assert [line["custom_id"] for line in lines] == [f"u{n}.0.0" for n in range(20)]
    assert {(line["method"], line["url"]) for line in lines} == {("POST", "/v1/chat/completions")}
    assert lines[0]["body"]["messages"][0]["content"].startswith("Question 0.")


async def test_the_same_bodies_as_live_requests(serve, tmp_path):
    """Whoever changes the way changes nothing of what is asked."""
    from flows.llm.ladder import STEPS
    from flows.llm.wire import Dialect, encode

    server = await serve()
    request = question(1, seed=5, extra={"reasoning_effort": "low"})
    await finish(server, tmp_path, [request])
    assert server.requests(0)[0]["body"] == orjson.loads(encode(request, "m", STEPS[0], Dialect()))


async def test_a_file_holds_no_more_than_it_may(serve, tmp_path):
    server = await serve()
    await finish(server, tmp_path, [question(n) for n in range(10)], limits=Limits(requests=4, settle=0.02, poll=0.001))
    assert sorted(len(server.requests(n)) for n in range(3)) == [2, 4, 4]
    size = len(orjson.dumps(server.requests(0)[0])) + 10
    limits = Limits(bytes=3 * size, settle=0.02, poll=0.001)
    await finish(server, tmp_path / "b", [question(n) for n in range(10)], limits=limits)
    sizes = [len(server.files[batch.file][2]) for batch in [*server.batches.values()][3:]]
    assert len(sizes) == 4
    assert max(sizes) <= 3 * size


@pytest.mark.parametrize("fate", ["expired", "cancelled"])
async def test_of_a_batch_that_ended_early_only_the_rest_is_sent_again(serve, tmp_path, fate):
    server = await serve(fates=f"{fate}:0.5,{fate}:0.25")
    answers = await finish(server, tmp_path, [question(n) for n in range(16)])
    assert len(set(texts(answers))) == 16
    assert [len(server.requests(n)) for n in range(3)] == [16, 8, 6]
    assert set(server.paid.values()) == {1}


@pytest.mark.parametrize("fate", ["expired:0", "cancelled:0"])
async def test_a_batch_that_gave_nothing_stops_the_run_and_the_next_one_sends_it_again(serve, tmp_path, fate):
    server = await serve(fates=fate)
    requests = [question(n) for n in range(6)]
    answers = await finish(server, tmp_path, requests)
    assert {type(answer) for answer in answers} == {StoppedError}
    assert f"batch_0 is {fate.partition(':')[0]} without one answer" in str(answers[0])
    assert len(texts(await finish(server, tmp_path, requests))) == 6
    assert len(server.batches) == 2


async def test_lines_that_failed_for_now_go_into_later_batches(serve, tmp_path):
    server = await serve(rate_429=0.2, rate_500=0.2, seed=3)
    answers = await finish(server, tmp_path, [question(n) for n in range(40)])
    assert len(server.batches) > 1
    given_up = [a for a in answers if isinstance(a, RejectedLLMError)]
    assert {a.reason for a in given_up} <= {"unanswered"}
    assert len(given_up) <= 8
    assert set(server.paid.values()) == {1}
    assert server.paid.total() == 40 - len(given_up)


async def test_a_poisoned_request_is_given_up_after_three_batches(serve, tmp_path):
    server = await serve(poison="poison")
    answers = await finish(server, tmp_path, [question(0, "poison"), *map(question, range(1, 6))])
    assert isinstance(answers[0], RejectedLLMError)
    assert answers[0].reason == "unanswered"
    assert "in 3 batches" in str(answers[0])
    assert [len(server.requests(n)) for n in range(len(server.batches))] == [6, 1, 1]
    assert len(texts(answers[1:])) == 5


async def test_a_filtered_request_is_rejected_at_once(serve, tmp_path):
    server = await serve(filter="forbidden")
    answers = await finish(server, tmp_path, [question(0, "forbidden"), question(1)])
    assert isinstance(answers[0], RejectedLLMError)
    assert answers[0].reason == "content_filter"
    assert len(server.batches) == 1


async def test_nothing_answered_three_times_stops_the_run(serve, tmp_path):
    server = await serve(rate_429=1.0)
    answers = await finish(server, tmp_path, [question(n) for n in range(5)])
    assert {type(answer) for answer in answers} == {StoppedError}
    assert "3 batches in a row" in str(answers[0])
    assert len(server.batches) == 3


@pytest.mark.parametrize("structured", ["json_object", "none"])
async def test_a_refused_format_is_asked_for_in_another_way(serve, tmp_path, structured):
    server = await serve(structured=structured)
    requests = [question(n) for n in range(8)]
    answers = await finish(server, tmp_path, requests)
    assert {answer.rung for answer in answers if isinstance(answer, Completion)} == {structured}
    assert len(texts(answers)) == 8
    batches = len(server.batches)
    more = await finish(server, tmp_path, [*requests, question(99)])
    assert {answer.rung for answer in more} == {structured}
    assert len(server.batches) == batches + 1  # what was found out is remembered: no refused batch again
    assert len(server.requests(batches)) == 1


async def test_a_refused_parameter_is_left_out(serve, tmp_path):
    server = await serve(refuse_parameter="max_tokens")
    answers = await finish(server, tmp_path, [question(n) for n in range(8)])
    assert len(texts(answers)) == 8
    assert [len(server.requests(n)) for n in range(2)] == [8, 8]
    assert {"max_completion_tokens"} <= server.requests(1)[0]["body"].keys()


@pytest.mark.parametrize(
    ("fate", "said"),
    [("failed:model_not_found", "model_not_found"), ("failed:mismatched_model", "mismatched_model")],
)
async def test_a_file_that_is_refused_is_a_clear_error(serve, tmp_path, fate, said):
    server = await serve(fates=fate)
    requests = [question(n) for n in range(4)]
    answers = await finish(server, tmp_path, requests)
    assert {type(answer) for answer in answers} == {FatalLLMError}
    assert said in str(answers[0])
    assert "input.jsonl" in str(answers[0])
    assert len(server.batches) == 1
    assert len(texts(await finish(server, tmp_path, requests))) == 4


async def test_a_format_that_is_refused_for_the_whole_file_is_asked_for_in_another_way(serve, tmp_path):
    server = await serve(fates="failed:response_format is not supported")
    answers = await finish(server, tmp_path, [question(n) for n in range(4)])
    assert {answer.rung for answer in answers} == {"json_object"}
    assert len(server.batches) == 2


async def test_a_batch_that_outlives_its_window_stops_the_run(serve, tmp_path):
    server = await serve(overdue=True)
    [answer] = await finish(server, tmp_path, [question(0)])
    assert isinstance(answer, StoppedError)
    assert "its window of 24h closed" in str(answer)


async def test_a_batch_of_another_account_is_named(serve, tmp_path):
    server = await serve()
    await kill_at(server, tmp_path, [question(0)], "GET batches/")
    server.batches.clear()
    [answer] = await finish(server, tmp_path, [question(0)])
    assert isinstance(answer, FatalLLMError)
    assert "knows no batch batch_0" in str(answer)
    assert "Go on with the key and the address" in str(answer)


async def test_a_full_queue_is_waited_out_with_smaller_batches(serve, tmp_path):
    server = await serve(room=10)
    answers = await finish(server, tmp_path, [question(n) for n in range(30)])
    assert len(set(texts(answers))) == 30
    assert set(server.paid.values()) == {1}
    statuses = Counter(batch.status for batch in server.batches.values())
    assert statuses["failed"] <= 3


async def test_one_request_that_is_too_large_alone_is_a_clear_error(serve, tmp_path):
    server = await serve(room=0)
    [answer] = await finish(server, tmp_path, [question(0)])
    assert isinstance(answer, FatalLLMError)
    assert "token_limit_exceeded" in str(answer)


@pytest.mark.parametrize("trouble", [{"busy_creates": 2}, {"busy_polls": 2}, {"lost_creates": 1}], ids=str)
async def test_a_call_that_failed_is_made_again_and_no_batch_twice(serve, tmp_path, trouble):
    server = await serve(**trouble)
    answers = await finish(server, tmp_path, [question(n) for n in range(5)])
    assert len(texts(answers)) == 5
    assert len(server.batches) == 1
    assert set(server.paid.values()) == {1}


async def test_a_silent_server_stops_the_run(serve, tmp_path):
    server = await serve(deaf_after=3)
    async with asking(server, tmp_path) as client:
        client.api._stall = 0.05
        answers = await ask(client, [question(n) for n in range(3)])
    assert {type(answer) for answer in answers} == {StoppedError}
    assert "run again to continue" in str(answers[0])


async def test_a_wrong_key_is_fatal_and_never_shown(serve, tmp_path):
    server = await serve(api_key="sk-good-1234")
    [answer] = await finish(server, tmp_path, [question(0)], key="sk-wrong-5678")
    assert isinstance(answer, FatalLLMError)
    assert "key" in str(answer)
    assert "5678" not in str(answer)
    assert not any("5678" in path.read_text() for path in tmp_path.rglob("*.json*"))


async def test_a_key_that_expires_in_mid_run_stops_it(serve, tmp_path):
    server = await serve(api_key="sk-good-1234")
    async with asking(server, tmp_path, key="sk-good-1234") as client:
        assert len(texts(await ask(client, [question(n) for n in range(3)]))) == 3
        server.config = BatchConfig(api_key="sk-other")
        answers = await ask(client, [question(n) for n in range(3, 6)])
    assert {type(answer) for answer in answers} == {StoppedError}
    assert "Check OPENAI_API_KEY" in str(answers[0])
    server.config = BatchConfig()
    assert len(texts(await finish(server, tmp_path, [question(n) for n in range(6)]))) == 6
    assert set(server.paid.values()) == {1}


async def test_killed_while_it_waits_the_batch_is_taken_up_by_its_id(serve, tmp_path):
    server = await serve()
    requests = [question(n) for n in range(10)]
    await kill_at(server, tmp_path, requests, "GET batches/")
    answers = await finish(server, tmp_path, requests)
    assert len(set(texts(answers))) == 10
    assert len(server.batches) == 1
    assert texts(await finish(server, tmp_path, requests)) == texts(answers)  # from the files alone
    assert len(server.batches) == 1


@pytest.mark.parametrize("lost", ["id", "everything", "torn"])
async def test_a_batch_whose_id_was_never_written_down_is_found_again(serve, tmp_path, lost):
    server = await serve()
    requests = [question(n) for n in range(10)]
    await kill_at(server, tmp_path, requests, "POST batches")
    for _ in range(30):  # newer batches of other people, more than one page
        server.batches[f"other_{len(server.batches)}"] = type(server.batches["batch_0"])("other", "file-x", None, "")
    [ticket] = tmp_path.rglob("*.batch.json")
    assert "id" not in orjson.loads(ticket.read_bytes())
    if lost == "id":
        server.batches["batch_0"].metadata = None
    elif lost == "torn":
        ticket.write_bytes(ticket.read_bytes()[:20])
    else:
        ticket.unlink()
    assert len(set(texts(await finish(server, tmp_path, requests)))) == 10
    assert set(server.paid.values()) == {1}
    assert sum(id.startswith("batch_") for id in server.batches) == 1


async def test_killed_between_upload_and_create_the_file_is_used(serve, tmp_path):
    server = await serve(busy_creates=10**6)
    requests = [question(n) for n in range(4)]
    await kill_at(server, tmp_path, requests, "POST batches")
    assert not server.batches
    server.calls.clear()
    server.config = BatchConfig()
    assert len(texts(await finish(server, tmp_path, requests))) == 4
    assert "POST files" not in server.calls
    assert len(server.batches) == 1


async def test_killed_while_it_uploads_the_file_is_sent_as_it_is(serve, tmp_path):
    server = await serve()
    requests = [question(n) for n in range(4)]
    await kill_at(server, tmp_path, requests, "POST files")
    assert not server.batches
    assert len(texts(await finish(server, tmp_path, requests))) == 4
    assert len(server.batches) == 1


async def test_rejections_of_an_earlier_process_are_told_again(serve, tmp_path):
    server = await serve(filter="forbidden")
    requests = [question(0, "forbidden"), question(1)]
    for _ in range(2):
        answers = await finish(server, tmp_path, requests)
        assert isinstance(answers[0], RejectedLLMError)
    assert len(server.batches) == 1


async def test_failures_that_may_pass_are_sent_again_by_the_next_process(serve, tmp_path):
    server = await serve(poison="poison")
    requests = [question(0, "poison"), question(1)]
    await finish(server, tmp_path, requests)
    server.config = BatchConfig()
    assert len(texts(await finish(server, tmp_path, requests))) == 2
    assert set(server.paid.values()) == {1}


async def test_two_models_share_no_file_and_no_answer(serve, tmp_path):
    server = await serve(models="m,other/model")
    async with asking(server, tmp_path) as one, asking(server, tmp_path, model="other/model") as two:
        requests = [question(n) for n in range(3)]
        answers = await asyncio.gather(ask(one, requests), ask(two, requests))
    assert [{a.model for a in some} for some in answers] == [{"m"}, {"other/model"}]
    models = [{line["body"]["model"] for line in server.requests(n)} for n in range(2)]
    assert sorted(map(sorted, models)) == [["m"], ["other/model"]]
    again = await finish(server, tmp_path, requests, model="other/model")
    assert {a.model for a in again} == {"other/model"}
    assert len(server.batches) == 2


async def test_requests_without_a_key_are_known_by_their_words(serve, tmp_path):
    server = await serve()
    requests = [question(n, key="") for n in range(3)]
    answers = await finish(server, tmp_path, requests)
    assert texts(await finish(server, tmp_path, requests)) == texts(answers)
    assert len(server.batches) == 1


async def test_a_damaged_output_is_named(serve, tmp_path):
    server = await serve()
    await finish(server, tmp_path, [question(0)])
    [output] = tmp_path.rglob("*.output.jsonl")
    output.write_text("nonsense\n")
    async with asking(server, tmp_path) as client:
        with pytest.raises(StoreError, match=r"output.jsonl: line 1 is no batch's output"):
            await client.complete(question(0))


def run_by_hand(state: Path, *, lines: int | None = None, answer: Callable[[dict], dict] | None = None) -> None:
    """What `vllm run-batch` writes for the inputs that have no output yet."""
    for path in state.rglob("*.input.jsonl"):
        output = path.with_name(path.name.replace("input", "output"))
        if output.exists():
            continue
        made = []
        for number, line in enumerate(map(orjson.loads, path.read_bytes().splitlines())):
            if lines is not None and number >= lines:
                break
            made.append((answer or vllm_answer)(line))
        output.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in made))


def vllm_answer(line: dict, status: int = 200, error: Any = None) -> dict:
    message = {"role": "assistant", "content": '{"text": "by hand"}'}
    body = {"model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    response = {"status_code": status, "request_id": "vllm-batch-1", "body": body if status == 200 else None}
    return {"id": "vllm-1", "custom_id": line["custom_id"], "response": response, "error": error}


async def test_files_run_by_hand(tmp_path):
    requests = [question(n) for n in range(6)]
    stopped = await finish(None, tmp_path, requests)
    assert {type(answer) for answer in stopped} == {StoppedError}
    [path] = tmp_path.rglob("*.input.jsonl")
    assert path.name in str(stopped[0])
    assert "vllm run-batch -i" in str(stopped[0])
    assert str(path.parent) in str(stopped[0])
    again = await finish(None, tmp_path, requests)
    assert {type(answer) for answer in again} == {StoppedError}
    assert len([*tmp_path.rglob("*.input.jsonl")]) == 1
    run_by_hand(tmp_path, lines=4)  # it died: only what is missing goes into another file
    async with asking(None, tmp_path) as client:
        answers = await ask(client, requests)
    assert [type(answer) for answer in answers] == [Completion] * 4 + [StoppedError] * 2
    run_by_hand(tmp_path)
    assert texts(await finish(None, tmp_path, requests)) == ['{"text": "by hand"}'] * 6
    assert len([*tmp_path.rglob("*.input.jsonl")]) == 2


async def test_errors_of_files_run_by_hand_count_and_the_format_steps_down(tmp_path):
    def answer(line: dict) -> dict:
        if "response_format" in line["body"]:
            error = {"error": {"message": "response_format is not supported", "type": "BadRequestError", "code": 400}}
            return vllm_answer(line, 400, error)
        if "Question 0" in line["body"]["messages"][0]["content"]:
            return vllm_answer(line, 500, {"error": {"message": "engine error", "type": "x", "code": 500}})
        return vllm_answer(line)

    requests = [question(n) for n in range(5)]
    for _ in range(8):
        answers = await finish(None, tmp_path, requests)
        run_by_hand(tmp_path, answer=answer)
    assert isinstance(answers[0], RejectedLLMError)
    assert answers[0].reason == "unanswered"
    assert {answer.rung for answer in answers[1:]} == {"none"}


async def test_an_output_put_beside_the_input_ends_a_batch_of_the_api(serve, tmp_path):
    server = await serve(polls=10**6)
    requests = [question(n) for n in range(4)]
    async with asking(server, tmp_path) as client:
        asked = asyncio.gather(*map(client.complete, requests))
        await server.served["GET batches/"].wait()
        run_by_hand(tmp_path)
        assert texts(await asked) == ['{"text": "by hand"}'] * 4


async def test_preflight_looks_for_files_and_batches_and_sends_nothing(serve, server, tmp_path):
    batches = await serve()
    policy = CallPolicy(max_stall=0.1)
    llm = open_llm([f"batch:{batches.url}"], model=None, policy=policy, batches=tmp_path)
    [facts] = await preflight(llm, probe=True)
    await llm.aclose()
    assert (facts.model, facts.where) == ("m", f"the Batch API of {batches.url}")
    assert not batches.files
    llm = open_llm([f"batch:{server.url}"], model="m", policy=policy, batches=tmp_path)
    with pytest.raises(FatalLLMError, match=r"/files and /batches"):
        await preflight(llm)
    await llm.aclose()


async def test_files_run_by_hand_need_the_name_of_a_model(tmp_path):
    llm = open_llm(["batch"], model=None, policy=CallPolicy(), batches=tmp_path)
    with pytest.raises(UsageError, match="--model"):
        await preflight(llm)
    await llm.aclose()


async def test_progress_shows_ids_and_counts(serve, tmp_path, caplog):
    server = await serve(polls=6)
    seen = set()
    with caplog.at_level("INFO", logger="flows.llm.batch"):
        async with asking(server, tmp_path) as client:
            asked = asyncio.gather(*map(client.complete, [question(n) for n in range(4)]))
            while not asked.done():
                seen.add(client.traffic.waiting)
                await asyncio.sleep(0.001)
            await asked
    assert ("batch batch_0 in_progress 0/4 answered",) in seen
    assert client.traffic.waiting == ()
    assert (client.traffic.sent, client.traffic.answered, client.traffic.in_flight) == (4, 4, 0)
    assert "batch batch_0 completed 4/4 answered" in caplog.text
