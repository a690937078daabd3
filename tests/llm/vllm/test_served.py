"""`serve:MODEL` with real processes, real HTTP and the real client; only the model server is a stand-in."""

import asyncio
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from flows.errors import FatalLLMError, RejectedLLMError, StoppedError, UsageError
from flows.llm.open import open_llm, preflight
from flows.llm.policy import CallPolicy
from flows.llm.traffic import traffic_of
from flows.llm.types import LLM, ChatRequest, Message
from flows.llm.vllm import supervised
from tests.llm.vllm.conftest import Diary, until

QUICK = CallPolicy(concurrency=8, timeout=20, backoff=0.001, backoff_cap=0.01)


@pytest.fixture
def serve(fake_python: str, diary: Diary, monkeypatch: pytest.MonkeyPatch):
    """Open a served model with the fake's engine arguments."""
    monkeypatch.setattr(supervised, "PAUSE", 0.01)

    def build(policy: CallPolicy = QUICK, **engine: Any) -> LLM:
        engine = {"diary": str(diary.path), **engine}
        return open_llm(["serve:some/model"], model=None, policy=policy, engine=engine, python=fake_python)

    return build


def ask(words: object) -> ChatRequest:
    return ChatRequest((Message("user", str(words)),), schema={"type": "object"})


async def ask_all(llm: LLM, count: int) -> list[str]:
    return [done.text for done in await asyncio.gather(*[llm.complete(ask(n)) for n in range(count)])]


async def test_the_first_request_starts_the_server_and_closing_ends_it(serve, diary: Diary):
    llm = serve()
    (facts,) = await preflight(llm)
    assert (facts.model, facts.started, diary.lives) == ("some/model", False, [])
    assert facts.where.startswith("vLLM 9.9.9 of ")
    assert await ask_all(llm, 50) == [f"{n} back" for n in range(50)]
    assert len(diary.lives) == 1
    traffic = traffic_of(llm)
    assert (traffic.answered, traffic.tokens_in, traffic.tokens_out, traffic.in_flight) == (50, 100, 150, 0)
    await llm.aclose()
    assert diary.survivors == []


async def test_engine_arguments_reach_the_server_under_their_own_names(serve, diary: Diary):
    llm = serve(tensor_parallel_size=2, compilation_config={"level": 3}, enable_prefix_caching=False)
    await llm.complete(ask("hi"))
    await llm.aclose()
    argv = diary.lives[0]["argv"]
    assert argv[:2] == ["serve", "some/model"]
    assert argv[argv.index("--tensor-parallel-size") + 1] == "2"
    assert argv[argv.index("--compilation-config") + 1] == '{"level": 3}'
    assert "--no-enable-prefix-caching" in argv
    assert argv[argv.index("--host") + 1] == "127.0.0.1"


async def test_only_the_run_may_ask_the_server(serve, diary: Diary):
    import aiohttp

    llm = serve()
    await llm.complete(ask("hi"))
    port = diary.lives[0]["argv"][diary.lives[0]["argv"].index("--port") + 1]
    body = {"model": "some/model", "messages": [{"role": "user", "content": "hi"}]}
    async with aiohttp.ClientSession() as session:
        async with session.post(f"http://127.0.0.1:{port}/v1/chat/completions", json=body) as response:
            assert response.status == 401
    assert diary.lives[0]["key"] not in " ".join(diary.lives[0]["argv"])
    await llm.aclose()


async def test_a_server_that_dies_is_started_again_and_nothing_is_lost(serve, diary: Diary):
    llm = serve(die_after=20, lives=2)
    assert await ask_all(llm, 100) == [f"{n} back" for n in range(100)]
    assert len(diary.lives) == 3
    assert traffic_of(llm).answered == 100
    await llm.aclose()
    assert diary.survivors == [], "what the dead servers left behind is gone too"


async def test_a_server_that_keeps_dying_stops_the_run_with_its_last_words(serve, diary: Diary):
    llm = serve(die_after=0)
    results = await asyncio.gather(*[llm.complete(ask(n)) for n in range(40)], return_exceptions=True)
    stops = [result for result in results if isinstance(result, StoppedError)]
    assert stops and all(isinstance(result, StoppedError | RejectedLLMError) for result in results)
    assert "died 6 times in a row; exit code 3: RuntimeError: CUDA out of memory (log: " in str(stops[0])
    assert "Run again to continue" in str(stops[0])
    assert len(diary.lives) == 6
    with pytest.raises(StoppedError):
        await llm.complete(ask("more"))
    await llm.aclose()
    assert diary.survivors == []


async def test_a_request_that_kills_the_server_is_given_up_and_the_others_are_answered(serve, diary: Diary):
    llm = serve(poison="poison")
    words = ["poison" if n == 10 else str(n) for n in range(60)]
    results = await asyncio.gather(*[llm.complete(ask(word)) for word in words], return_exceptions=True)
    guilty = results.pop(10)
    assert isinstance(guilty, RejectedLLMError) and guilty.reason == "unanswered"
    assert [done.text for done in results] == [f"{word} back" for word in words if word != "poison"]
    # whether the others were answered before its third and last death or after, there is a server to go on with
    assert (await llm.complete(ask("on"))).text == "on back"
    assert len(diary.lives) == 4
    assert traffic_of(llm).rejected == 1
    await llm.aclose()


async def test_a_server_that_falls_silent_is_ended_and_started_again(serve, diary: Diary):
    policy = CallPolicy(concurrency=8, timeout=0.3, max_stall=0.5, backoff=0.001, backoff_cap=0.01)
    llm = serve(policy, silent_after=10, lives=1)
    assert await ask_all(llm, 40) == [f"{n} back" for n in range(40)]
    assert len(diary.lives) == 2
    await llm.aclose()
    assert diary.survivors == []


async def test_a_wrong_engine_argument_fails_with_what_the_server_said(serve, diary: Diary):
    llm = serve(tensor_paralel_sise=2)
    with pytest.raises(
        FatalLLMError, match=r"did not start: exit code 2: vllm serve: error: unrecognized arg.*\(log: "
    ):
        await llm.complete(ask("hi"))
    with pytest.raises(FatalLLMError):
        await llm.complete(ask("hi"))
    assert len(diary.lives) == 0
    await llm.aclose()


async def test_a_restart_that_fails_is_tried_again(serve, diary: Diary):
    llm = serve(die_after=5, lives=1, fail_in_life=2)
    assert len(await ask_all(llm, 20)) == 20
    assert len(diary.lives) == 3
    await llm.aclose()


async def test_a_port_that_another_program_took_is_left_to_it(serve, diary: Diary):
    llm = serve(busy_ports=2)
    assert await ask_all(llm, 3) == ["0 back", "1 back", "2 back"]
    assert len(diary.lives) == 3
    await llm.aclose()


async def test_a_server_that_never_gets_well_is_given_up(serve, diary: Diary, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("flows.llm.vllm.served.PATIENCE", 2.0)
    llm = serve(never_healthy=True)
    with pytest.raises(FatalLLMError, match="vLLM was not ready after 2 s"):
        await llm.complete(ask("hi"))
    await llm.aclose()
    assert diary.survivors == []


async def test_closing_while_the_server_starts_ends_it(serve, diary: Diary):
    llm = serve(never_healthy=True)
    waiting = asyncio.create_task(llm.complete(ask("hi")))
    assert await asyncio.to_thread(until, lambda: diary.lives)
    await llm.aclose()
    with pytest.raises(StoppedError, match="closed"):
        await waiting
    assert diary.survivors == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_leaves_no_server(fake_python: str, diary: Diary, number: signal.Signals):
    code = f"""
import asyncio
from flows.llm.open import open_llm
from flows.llm.policy import CallPolicy
from flows.llm.types import ChatRequest, Message
async def main():
    llm = open_llm(["serve:m"], model=None, policy=CallPolicy(), python={fake_python!r},
                   engine={{"diary": {str(diary.path)!r}}})
    await llm.complete(ChatRequest((Message("user", "hi"),)))
    print("up", flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""
    run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env={**os.environ})
    assert run.stdout is not None and run.stdout.readline() == "up\n"
    assert len(diary.survivors) == 2
    run.send_signal(number)
    run.wait()
    run.stdout.close()
    assert until(lambda: not diary.survivors)


def test_what_is_ours_is_not_the_recipes_to_set():
    with pytest.raises(UsageError, match=r"llm\.engine\.port: triplesmith sets this itself"):
        open_llm(["serve:m"], model=None, policy=QUICK, engine={"port": 8000})


@pytest.mark.skipif(find_spec("vllm") is not None, reason="vLLM is installed here")
async def test_a_missing_package_is_one_line_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    llm = open_llm(["vllm:some/model"], model=None, policy=QUICK)
    with pytest.raises(FatalLLMError, match=r"pip install 'triplesmith\[vllm\]'"):
        await preflight(llm)
    await llm.aclose()


async def test_an_interpreter_that_is_not_there(tmp_path: Path):
    llm = open_llm(["serve:some/model"], model=None, policy=QUICK, python=str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match=r"llm\.python: .*nowhere does not run"):
        await preflight(llm)
    await llm.aclose()


async def test_a_folder_without_a_model_is_found_before_the_start(tmp_path: Path, fake_python: str):
    for path, lack in ((tmp_path, "no config.json"), (tmp_path / "none", "no such folder")):
        llm = open_llm([f"serve:{path}"], model=None, policy=QUICK, python=fake_python)
        with pytest.raises(UsageError, match=lack):
            await preflight(llm)
        await llm.aclose()


async def test_a_model_folder_is_known_by_its_last_name_and_its_context(tmp_path: Path, fake_python: str):
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "config.json").write_text('{"max_position_embeddings": 4096}')
    (facts,) = await preflight(open_llm([f"serve:{folder}"], model=None, policy=QUICK, python=fake_python))
    assert (facts.model, facts.context) == ("tiny", 4096)
    named = open_llm([f"serve:{folder}"], model="mine", policy=QUICK, python=fake_python, engine={"max_model_len": 99})
    (facts,) = await preflight(named)
    assert (facts.model, facts.context) == ("mine", 99)
