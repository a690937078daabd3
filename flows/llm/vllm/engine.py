"""`vllm:MODEL`: vLLM's engine inside this process; its core runs in one of its own, as vLLM has it.

Requests are handed to one engine as they come, whatever their shard, so that its continuous batching stays full. The
engine's scheduler, `max_num_seqs`, says how many are worked on at a time; a few more wait at its door.
"""

import asyncio
import logging
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from flows.errors import FatalLLMError, RejectedLLMError, TransientLLMError, UsageError
from flows.llm.outcome import one_line
from flows.llm.policy import CallPolicy
from flows.llm.resilient import Resilient
from flows.llm.types import LLM, ChatRequest, Completion
from flows.llm.vllm import keeper
from flows.llm.vllm.log import last_words
from flows.llm.vllm.setup import Setup
from flows.llm.vllm.supervised import Witness

if TYPE_CHECKING:
    from vllm.outputs import RequestOutput
    from vllm.sampling_params import SamplingParams
    from vllm.v1.engine.async_llm import AsyncLLM

POLL = 0.5
"""Seconds between two looks at whether the engine lives."""
SPARE = 1.25
"""Requests handed over, as a multiple of those worked on, so that a free place is filled within the engine."""
QUIET = {"VLLM_LOGGING_LEVEL": "INFO", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
SPAWN = {"VLLM_WORKER_MULTIPROC_METHOD": "spawn"}
"""This process has threads, which a fork would break."""


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


@dataclass(frozen=True, slots=True)
class EngineLife:
    """An engine, its client, and the guard of its processes."""

    client: Resilient
    engine: "AsyncLLM"
    guard: "subprocess.Popen[bytes]"
    log: Path

    async def ended(self) -> str:
        """Wait until the engine is dead or shut down."""
        while not self.engine.errored:  # noqa: ASYNC110 - vLLM tells nobody of it
            await asyncio.sleep(POLL)
        return last_words(self.log)

    async def stop(self) -> None:
        """Shut the engine down with its processes."""
        await asyncio.to_thread(self.engine.shutdown)
        self.engine.shutdown = _nothing  # its __del__ calls it, even when the interpreter has lost its modules
        self.guard.communicate()


async def start_engine(
    setup: Setup, policy: CallPolicy, rng: Random, log: Path, metered: Callable[[LLM], LLM]
) -> EngineLife:
    """Start an engine; raises FatalLLMError with its last words."""
    engine, chat_template = await asyncio.to_thread(_start, setup, log)
    guard = _guard([child.pid for child in multiprocessing.active_children() if child.pid])
    client = EngineClient(engine, setup.name, timeout=policy.timeout, chat_template=chat_template)
    places = max(1, int(engine.vllm_config.scheduler_config.max_num_seqs * SPARE))
    steady = replace(policy, concurrency=places, start=None, adaptive=False)
    return EngineLife(Resilient([Witness(metered(client))], steady, rng=rng), engine, guard, log)


def _start(setup: Setup, log: Path) -> tuple["AsyncLLM", str | None]:
    for name, value in {**QUIET, **SPAWN}.items():
        os.environ.setdefault(name, value)
    with _written_to(log):
        try:
            from vllm.engine.arg_utils import AsyncEngineArgs
            from vllm.utils.argparse_utils import FlexibleArgumentParser
            from vllm.v1.engine.async_llm import AsyncLLM

            parser = AsyncEngineArgs.add_cli_args(FlexibleArgumentParser(prog="vllm"))
            parser.add_argument("--chat-template")
            args = parser.parse_args(["--model", setup.source, "--served-model-name", setup.name, *setup.flags])
            engine = AsyncLLM.from_engine_args(AsyncEngineArgs.from_cli_args(args))
            _log_to(log)
            return engine, _template(args.chat_template)
        except SystemExit:  # argparse has said why, into the log
            pass
        except Exception as error:
            with log.open("a") as file:
                file.write(f"\n{type(error).__name__}: {error}\n")
    raise FatalLLMError(f"vLLM did not start: {last_words(log)}")


def _guard(pids: Sequence[int]) -> "subprocess.Popen[bytes]":
    """See to it that the engine's processes end with this one, even if that is killed."""
    command = [sys.executable, "-I", "-S", keeper.__file__, "--guard", *map(str, pids)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)


def _nothing(timeout: float | None = None) -> None:
    """Stand in for what is done already."""


def _template(source: str | None) -> str | None:
    """Give a chat template named by its file, or written out."""
    return Path(source).read_text(encoding="utf-8") if source and Path(source).is_file() else source


@contextmanager
def _written_to(log: Path) -> Iterator[None]:
    """Send to the log what this process and those it starts write to their standard streams."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.dup2(file, 1)
        os.dup2(file, 2)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for stream, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, stream)
            os.close(copy)
        os.close(file)


def _log_to(log: Path) -> None:
    """Let vLLM's logger of this process write to the log for good."""
    for handler in logging.getLogger("vllm").handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(log.open("a", encoding="utf-8"))


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
