import time

import pytest

from flows.errors import RejectedLLMError
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
