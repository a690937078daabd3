import asyncio
import time
from random import Random

import pytest

from flows.errors import RejectedLLMError
from flows.llm.policy import CallPolicy
from flows.llm.resilient import Resilient
from flows.llm.scripted import Scripted
from flows.llm.types import ChatRequest, Message
from flows.stages.asking import JournaledCall
from flows.store.journal import Journal

REQUEST = ChatRequest((Message("user", "hello"),))


async def test_a_reply_is_asked_for_once_and_keeps_the_time_it_came(tmp_path):
    asked = []
    model = Scripted(lambda request: asked.append(request) or "answer")
    before = time.time()
    with Journal(tmp_path / "calls.jsonl") as journal:
        first = await JournaledCall(model, journal, "k").complete(REQUEST)
    with Journal(tmp_path / "calls.jsonl") as journal:
        again = await JournaledCall(model, journal, "k").complete(REQUEST)
    assert len(asked) == 1
    assert (again.text, again.at) == ("answer", first.at)
    assert before - 0.1 <= first.at <= time.time() + 0.1


async def test_a_rejection_is_kept_as_well(tmp_path):
    def refuse(request):
        raise RejectedLLMError("no such thing", reason="content_filter")

    for model in (Scripted(refuse), Scripted(lambda request: "never asked")):
        with Journal(tmp_path / "calls.jsonl") as journal:
            with pytest.raises(RejectedLLMError, match="no such thing") as caught:
                await JournaledCall(model, journal, "k").complete(REQUEST)
            assert caught.value.reason == "content_filter"


@pytest.mark.parametrize("wave", [1, 2, 3])
async def test_no_reply_is_lost_that_came_before_the_next_request_was_sent(wave, tmp_path):
    in_flight, answered = 8, []
    next_is_sent = asyncio.Event()

    def answer(request):
        if len(answered) == wave * in_flight:
            next_is_sent.set()
            raise asyncio.CancelledError
        answered.append(request.key)
        return "answer"

    model = Resilient([Scripted(answer)], CallPolicy(concurrency=in_flight, adaptive=False), rng=Random(1))
    with Journal(tmp_path / "calls.jsonl") as journal:
        calls = [JournaledCall(model, journal, str(unit)).complete(REQUEST) for unit in range(100)]
        tasks = [asyncio.create_task(call) for call in calls]
        await next_is_sent.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    with Journal(tmp_path / "calls.jsonl") as journal:
        assert [key for key in answered if journal.get(key) is None] == []
