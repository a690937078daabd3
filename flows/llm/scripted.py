"""Answer from a function, for tests and dry runs."""

from collections.abc import Callable

from flows.llm.types import ChatRequest, Completion


class Scripted:
    """A model whose answers are computed; what the function raises is how the call fails."""

    def __init__(self, answer: Callable[[ChatRequest], Completion | str], *, model: str = "scripted") -> None:
        self.model = model
        self._answer = answer

    async def complete(self, request: ChatRequest) -> Completion:
        """Answer with the function's text or completion."""
        answer = self._answer(request)
        return answer if isinstance(answer, Completion) else Completion(answer, model=self.model)

    async def aclose(self) -> None:
        """Nothing is held."""
