"""The processes of a benchmark: the server in its scenarios, and an environment for the clients."""

import heapq
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from tests.bench.server import draw_latencies
from tests.bench.workload import replies

ROOT = Path(__file__).parents[2]
PATIENT = {
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}
"""For an empty flow, too: start on a busy machine, send nothing out."""


@dataclass(frozen=True)
class Scenario:
    """How the server behaves and how much is asked of it."""

    name: str
    latency: float
    """Seconds; the median when `p99` is given."""
    slots: int
    rows: int
    p99: float = 0.0

    @property
    def ideal_s(self) -> float:
        """Seconds that a server takes whose slots are never idle: the shortest that any client can take."""
        if not self.p99:
            return ceil(self.rows / self.slots) * self.latency
        free = [0.0] * self.slots
        for latency in draw_latencies(self.latency, self.p99, self.rows):
            heapq.heapreplace(free, free[0] + latency)
        return max(free)


class Server:
    """The server process, as the benchmark sees it."""

    def __init__(self, port: int) -> None:
        self.root = f"http://127.0.0.1:{port}"
        self.url = f"{self.root}/v1"

    def start(self, scenario: Scenario) -> None:
        """Begin a scenario."""
        told = {"latency": scenario.latency, "p99": scenario.p99, "slots": scenario.slots, "requests": scenario.rows}
        self._ask("/scenario", json.dumps(told).encode())

    def stats(self) -> dict[str, Any]:
        """Give the counters since the scenario began."""
        return self._ask("/stats")

    def _ask(self, path: str, body: bytes | None = None) -> dict[str, Any]:
        with urlopen(Request(self.root + path, data=body), timeout=30) as response:
            return json.loads(response.read())


@contextmanager
def serving() -> Iterator[Server]:
    """Run the server in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        canned = Path(folder) / "replies.json"
        canned.write_text(json.dumps(replies()), encoding="utf-8")
        command = [sys.executable, "-m", "tests.bench.server", str(canned)]
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            yield Server(int(process.stdout.readline()))
        finally:
            process.communicate()


@contextmanager
def prefect_home() -> Iterator[dict[str, str]]:
    """Give an environment with a Prefect of its own, whose database exists, as on a machine that ran it before."""
    with tempfile.TemporaryDirectory() as folder:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "OPENAI_"))}
        yield {**kept, "PREFECT_HOME": folder, **PATIENT, "OPENAI_API_KEY": "x", "PYTHONPATH": str(ROOT)}
