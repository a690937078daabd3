from dataclasses import dataclass, field

import pytest

from flows.errors import FatalLLMError, RejectedLLMError
from flows.llm.types import ChatRequest, Completion, Message
from flows.prompting.ask import Answer, NoAnswer, ask
from flows.prompting.prompt import Prompt, ReplyField

PROMPT = Prompt("p", "f", 1, "{{ reply }}", (), (ReplyField("a", "text"),))
REQUEST = ChatRequest((Message("user", "go"),), max_tokens=100)
GOOD = Completion('{"a": "b"}')


@dataclass
class Answers:
    """A client with a list of answers."""

    answers: list
    model: str = "m"
    seen: list = field(default_factory=list)

    async def complete(self, request):
        self.seen.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def aclose(self):
        pass


async def test_a_good_answer_takes_one_call():
    client = Answers([GOOD])
    answer = await ask(client, REQUEST, PROMPT)
    assert isinstance(answer, Answer)
    assert (answer.fields, len(client.seen)) == ({"a": "b"}, 1)


async def test_a_bad_answer_is_asked_for_once_more_with_the_complaint():
    client = Answers([Completion('{"b": 1}'), GOOD])
    answer = await ask(client, REQUEST, PROMPT)
    assert isinstance(answer, Answer)
    correction = client.seen[1]
    assert correction.turn == 1
    assert [message.role for message in correction.messages] == ["user", "assistant", "user"]
    assert 'the key "a" is missing' in correction.messages[-1].content


async def test_a_cut_answer_is_asked_for_again_with_more_tokens_and_never_repaired():
    client = Answers([Completion('{"a": "b"}', finish="length"), GOOD])
    answer = await ask(client, REQUEST, PROMPT)
    assert isinstance(answer, Answer)
    assert client.seen[1].max_tokens == 200
    assert client.seen[1].messages == REQUEST.messages
    assert len(answer.completions) == 2


@pytest.mark.parametrize(
    ("answers", "calls", "reason"),
    [
        ([Completion("no"), Completion("no")], 2, "no_json"),
        ([Completion("no")], 1, "no_json"),
        ([Completion("x", finish="length"), Completion("x", finish="length")], 2, "truncated"),
        ([Completion("I won't", finish="refusal")], 2, "refusal"),
        ([Completion("", finish="content_filter")], 2, "content_filter"),
        ([RejectedLLMError("too long", reason="context_length")], 2, "context_length"),
        ([Completion("no"), RejectedLLMError("too long", reason="context_length")], 2, "context_length"),
    ],
)
async def test_no_answer_has_a_reason(answers, calls, reason):
    answer = await ask(Answers(answers), REQUEST, PROMPT, calls=calls)
    assert isinstance(answer, NoAnswer)
    assert answer.reason == reason


async def test_a_broken_world_is_an_exception():
    with pytest.raises(FatalLLMError):
        await ask(Answers([FatalLLMError("no key")]), REQUEST, PROMPT)
