"""Seconds from a command's start to its first request, beside the start of an empty Prefect flow."""

import subprocess
import sys
import tempfile
import time
from statistics import median
from typing import Any

from tests.bench.host import ROOT, Scenario, Server
from tests.bench.workload import RECIPE

COLUMNS = {"command": "{command}", "seconds": "{seconds:.2f}", "of the empty flow's": "{of_empty:.2f}", "all": "{all}"}

EMPTY = """
import time
{prepare}
import asyncio
from prefect import flow

@flow
async def empty():
    print(time.time())

asyncio.run(empty())
"""
OURS = "from flows.commands.environment import prepare_prefect; prepare_prefect()"
KINDS = {
    "empty Prefect flow, its own settings": EMPTY.format(prepare=""),
    "empty Prefect flow, our settings": EMPTY.format(prepare=OURS),
    "triplesmith run": "",
}
BASE = "empty Prefect flow, its own settings"


def measure(server: Server, repeat: int, environment: dict[str, str]) -> list[dict[str, Any]]:
    """Start each command in turn, once more than `repeat` times: the first turn makes Prefect's database."""
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(repeat + 1):
            for kind, code in KINDS.items():
                seconds = _flow(code, environment) if code else _run(server, f"{folder}/{turn}", environment)
                if turn:
                    times[kind].append(round(seconds, 2))
    base = median(times[BASE])
    return [
        {"command": kind, "seconds": median(found), "of_empty": median(found) / base, "all": found}
        for kind, found in times.items()
    ]


def _flow(code: str, environment: dict[str, str]) -> float:
    """Give the seconds until the body of an empty flow runs."""
    began = time.time()
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.split()[-1]) - began


def _run(server: Server, out: str, environment: dict[str, str]) -> float:
    """Give the seconds until the first request of `triplesmith run` arrives."""
    server.start(Scenario("startup", 0.0, 64, 64))
    began = time.time()
    command = [sys.executable, "-m", "flows", "run", RECIPE, "--rows", "64", "--out", out]
    command += ["--llm", server.url, "--model", "m"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as process:
        while (first := server.stats()["first"]) is None and process.poll() is None:
            time.sleep(0.1)
        process.terminate()
    if first is None:
        raise RuntimeError("the run ended before its first request")
    return float(first) - began
