"""`serve:MODEL`: a vLLM server of our own, asked through the client that asks any other server."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from flows.errors import FatalLLMError
from flows.llm.endpoint import resolve
from flows.llm.memory import Learnt, Memory
from flows.llm.openai_http import OpenAIHttp
from flows.llm.policy import CallPolicy
from flows.llm.resilient import Resilient
from flows.llm.types import LLM
from flows.llm.vllm.process import ServerProcess
from flows.llm.vllm.setup import Setup
from flows.llm.vllm.supervised import Witness

PATIENCE = 3600.0
"""Seconds from start to health: a large model is fetched and loaded first."""
BINDS = 3
"""Tries to get a port, since another program may take a free one before the server does."""


@dataclass(frozen=True, slots=True)
class ServedLife:
    """A server process and its client."""

    client: Resilient
    process: ServerProcess

    async def ended(self) -> str:
        """Wait until the server is over."""
        return await self.process.ended()

    async def stop(self) -> None:
        """End the server."""
        await self.process.stop()


async def start_server(
    setup: Setup, policy: CallPolicy, rng: Random, log: Path, metered: Callable[[LLM], LLM]
) -> ServedLife:
    """Start a server and wait for its health; raises FatalLLMError with its last words."""
    process = await _healthy(setup, log)
    endpoint = replace(resolve(process.url, process.key), proxy=None)  # no proxy leads to this machine
    memory = Memory()
    memory.keep(endpoint.url, setup.name, Learnt("json_schema"))
    client = OpenAIHttp(endpoint, setup.name, concurrency=policy.concurrency, timeout=policy.timeout, memory=memory)
    return ServedLife(Resilient([Witness(metered(client))], policy, rng=rng), process)


async def _healthy(setup: Setup, log: Path) -> ServerProcess:
    for left in reversed(range(BINDS)):
        process = await ServerProcess.start(setup, log=log)
        try:
            await process.healthy(PATIENCE)
        except FatalLLMError as error:
            await process.stop()
            if not left or "ddress already in use" not in str(error):
                raise
        except BaseException:
            await process.stop()
            raise
        else:
            return process
    raise AssertionError("the last try raises")
