"""One vLLM server process: started on a free loopback port, waited for, listened to, and always ended."""

import asyncio
import os
import secrets
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE

import aiohttp

from flows.errors import FatalLLMError
from flows.llm.vllm import keeper
from flows.llm.vllm.log import last_words
from flows.llm.vllm.setup import Setup

HOST = "127.0.0.1"
POLL = 0.25
"""Seconds between two looks at the server's health."""


class ServerProcess:
    """A server and the keeper that ends it when this process goes, however it goes."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, key: str, log: Path, since: int) -> None:
        self.url = f"http://{HOST}:{port}/v1"
        self.key = key
        """Secret without which the server answers nobody else of this machine."""
        self._log, self._since = log, since
        self._health = f"http://{HOST}:{port}/health"
        self._process = process

    @classmethod
    async def start(cls, setup: Setup, *, log: Path) -> "ServerProcess":
        """Start it, writing what it says to `log`; it is not yet healthy."""
        port, key = free_port(), secrets.token_urlsafe(24)
        serve = [setup.interpreter, "-m", "vllm.entrypoints.cli.main", "serve", setup.source]
        names = ["--host", HOST, "--port", str(port), "--served-model-name", setup.name]
        names += ["--disable-uvicorn-access-log"]  # a line for each request, for millions of them
        with log.open("ab") as file:
            since = file.tell()
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", keeper.__file__, *serve, *names, *setup.flags),
                stdin=PIPE,
                stdout=file,
                stderr=file,
                env={**setup.environment, "VLLM_API_KEY": key, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,  # Ctrl-C is for the run, which ends the server in its own time
            )
        return cls(process, port, key, log, since)

    async def healthy(self, patience: float) -> None:
        """Wait until it answers; raises FatalLLMError with what it said when it ends first, or is not well in time."""
        try:
            async with asyncio.timeout(patience), aiohttp.ClientSession() as session:
                while self._process.returncode is None:
                    with suppress(aiohttp.ClientError, OSError):
                        async with session.get(self._health) as response:
                            if response.status == 200:
                                return
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._process.wait(), POLL)
        except TimeoutError:
            raise FatalLLMError(f"vLLM was not ready after {patience:.0f} s: {self._last_words()}") from None
        raise FatalLLMError(f"vLLM did not start: {await self.ended()}")

    async def ended(self) -> str:
        """Wait until it is over; gives exit code and last words."""
        code = await self._process.wait()
        return f"exit code {code}: {self._last_words()}"

    def _last_words(self) -> str:
        return last_words(self._log, since=self._since, secret=self.key)

    async def stop(self) -> None:
        """End the server and everything it started; returns when all are gone."""
        if self._process.returncode is not None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()  # the keeper does the rest
        try:
            await asyncio.wait_for(self._process.wait(), keeper.GRACE + 5)
        except TimeoutError:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()


def free_port() -> int:
    """Give a loopback port that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
