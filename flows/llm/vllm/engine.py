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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from flows.errors import FatalLLMError
from flows.llm.policy import CallPolicy
from flows.llm.resilient import Resilient
from flows.llm.types import LLM
from flows.llm.vllm import keeper
from flows.llm.vllm.client import EngineClient
from flows.llm.vllm.log import last_words
from flows.llm.vllm.setup import Setup
from flows.llm.vllm.supervised import Witness

if TYPE_CHECKING:
    from vllm.v1.engine.async_llm import AsyncLLM

POLL = 0.5
"""Seconds between two looks at whether the engine lives."""
SPARE = 1.25
"""Requests handed over, as a multiple of those worked on, so that a free place is filled within the engine."""
QUIET = {"VLLM_LOGGING_LEVEL": "INFO", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
SPAWN = {"VLLM_WORKER_MULTIPROC_METHOD": "spawn"}
"""This process has threads, which a fork would break."""


class Guard:
    """Sees to it that the engine's processes end with this one, even if that is killed."""

    def __init__(self) -> None:
        command = [sys.executable, "-I", "-S", keeper.__file__]
        self._keeper = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True, text=True)
        self._others = {child.pid for child in multiprocessing.active_children()}
        self._known: set[int | None] = set()

    def look(self, *, kill: bool = False) -> None:
        """Tell of the processes that were started since, and kill them if asked to."""
        assert self._keeper.stdin is not None
        for child in multiprocessing.active_children():
            if child.pid in self._others:
                continue
            if child.pid not in self._known:
                self._known.add(child.pid)
                self._keeper.stdin.write(f"{child.pid}\n")
                self._keeper.stdin.flush()
            if kill:
                child.kill()

    def end(self) -> None:
        """Have it kill what is left."""
        self._keeper.communicate()


@dataclass(frozen=True, slots=True)
class EngineLife:
    """An engine, its client, and the guard of its processes."""

    client: Resilient
    engine: "AsyncLLM"
    guard: Guard
    last_words: Callable[[], str]

    async def ended(self) -> str:
        """Wait until the engine is dead or shut down."""
        while not self.engine.errored:  # noqa: ASYNC110 - vLLM tells nobody of it
            await asyncio.sleep(POLL)
        return self.last_words()

    async def stop(self) -> None:
        """Shut the engine down with its processes."""
        await asyncio.to_thread(self.engine.shutdown)
        self.engine.shutdown = _nothing  # its __del__ calls it, even when the interpreter has lost its modules
        await asyncio.to_thread(self.guard.end)


async def start_engine(
    setup: Setup, policy: CallPolicy, rng: Random, log: Path, metered: Callable[[LLM], LLM]
) -> EngineLife:
    """Start an engine; raises FatalLLMError with its last words."""
    since = (await asyncio.to_thread(log.stat)).st_size
    guard = Guard()
    starting = asyncio.create_task(asyncio.to_thread(_start, setup, log, since))
    try:
        while not starting.done():
            await asyncio.wait([starting], timeout=POLL)
            guard.look()
        engine, chat_template = starting.result()
    except BaseException:
        while not starting.done():  # a thread cannot be stopped, but it fails when its processes are gone
            guard.look(kill=True)
            await asyncio.wait([starting], timeout=POLL)
        guard.end()
        if starting.exception() is None:
            starting.result()[0].shutdown()
        raise
    client = EngineClient(engine, setup.name, timeout=policy.timeout, chat_template=chat_template)
    places = max(1, int(engine.vllm_config.scheduler_config.max_num_seqs * SPARE))
    steady = replace(policy, concurrency=places, adaptive=False)
    return EngineLife(
        Resilient([Witness(metered(client))], steady, rng=rng), engine, guard, partial(last_words, log, since=since)
    )


def _start(setup: Setup, log: Path, since: int) -> tuple["AsyncLLM", str | None]:
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
    raise FatalLLMError(f"vLLM did not start: {last_words(log, since=since)}")


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
