"""Ask vLLM's engine in this process: the chat template, sampling and guided decoding are its own."""

import asyncio
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

from flows.errors import RejectedLLMError, TransientLLMError, UsageError
from flows.llm.outcome import one_line
from flows.llm.types import ChatRequest, Completion

if TYPE_CHECKING:
    from vllm.outputs import RequestOutput
    from vllm.sampling_params import SamplingParams
    from vllm.v1.engine.async_llm import AsyncLLM


class EngineClient:
    """Asks an engine; one instance serves one event loop."""

    def __init__(self, engine: "AsyncLLM", model: str, *, timeout: float, chat_template: str | None) -> None:
        from vllm.renderers.params import ChatParams
        from vllm.sampling_params import RequestOutputKind, SamplingParams, StructuredOutputsParams

        self.model = model
        self._engine = engine
        self._timeout = timeout
        self._numbers = count()
        self._chat = ChatParams(chat_template=chat_template)
        self._defaults = engine.model_config.get_diff_sampling_param()
        self._final = RequestOutputKind.FINAL_ONLY
        self._sampling = SamplingParams
        self._structured = StructuredOutputsParams

    async def complete(self, request: ChatRequest) -> Completion:
        """Hand one request to the engine and wait for its answer."""
        from vllm.exceptions import VLLMClientError, VLLMError

        try:
            async with asyncio.timeout(self._timeout):
                output = await self._generate(request)
        except TimeoutError:
            raise TransientLLMError(f"vLLM did not answer within {self._timeout:g} s", kind="timeout") from None
        except VLLMClientError as error:
            said = one_line(str(error))
            reason = "context_length" if "max_model_len" in said or "context length" in said else "bad_request"
            raise RejectedLLMError(f"vLLM refused the request: {said}", reason=reason) from None
        except VLLMError as error:
            kind = "reset" if self._engine.errored else "server_error"
            raise TransientLLMError(f"vLLM failed: {one_line(str(error) or type(error).__name__)}", kind=kind) from None
        return _completion(output, self.model, held=request.schema is not None)

    async def aclose(self) -> None:
        """Leave the engine to its owner."""

    async def _generate(self, request: ChatRequest) -> "RequestOutput":
        extra: dict[str, Any] = dict(request.extra)
        options = {"add_generation_prompt": True, **extra.pop("chat_template_kwargs", {})}
        chat = replace(self._chat, chat_template_kwargs=options)
        params = self._params(request, extra)
        messages: Any = [{"role": message.role, "content": message.content} for message in request.messages]
        _, (prompt,) = await self._engine.renderer.render_chat_async([messages], chat)
        async for output in self._engine.generate(prompt, params, f"triplesmith-{next(self._numbers)}"):
            final = output
        return final

    def _params(self, request: ChatRequest, extra: dict[str, Any]) -> "SamplingParams":
        asked: dict[str, Any] = {
            **self._defaults,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "max_tokens": request.max_tokens,
            "seed": request.seed,
            "logprobs": 0 if request.logprobs else None,  # those of the answer's own tokens
            "output_kind": self._final,
        }
        if request.schema is not None:
            asked["structured_outputs"] = self._structured(json=dict(request.schema))
        try:
            return self._sampling(**{**asked, **extra})
        except TypeError as error:
            raise UsageError(f"llm.extra: vLLM's SamplingParams does not take this: {one_line(str(error))}") from None


def _completion(output: "RequestOutput", model: str, *, held: bool) -> Completion:
    answer = output.outputs[0]
    if answer.finish_reason not in ("stop", "length"):
        raise TransientLLMError(f"vLLM broke the answer off ({answer.finish_reason})", kind="server_error")
    logprobs = answer.logprobs and tuple(
        float(options[token].logprob) for token, options in zip(answer.token_ids, answer.logprobs, strict=False)
    )
    return Completion(
        text=answer.text,
        finish=answer.finish_reason,
        model=model,
        tokens_in=len(output.prompt_token_ids or ()),
        tokens_out=len(answer.token_ids),
        rung="json_schema" if held else "none",
        logprobs=logprobs or None,
    )
