"""How well the client holds a server that never says 429 at its best: slots and a queue, and slots that change.

    python -m tests.bench.load [--seconds 15] [--latency 0.2] [--spread P99]

The server runs in a process of its own and behaves as vLLM does: it works on `slots` requests at a time and lets all
others wait. The client may send up to 256. For each number of slots: how many were in flight, and answers a second as a
share of slots / latency, over the second half of the phase, with the adaptive limit and with the fixed one.
"""

import argparse
import asyncio
import json
from dataclasses import asdict, replace
from math import exp, log
from urllib.request import Request, urlopen

from flows.llm.open import open_llm
from flows.llm.policy import CallPolicy
from flows.llm.traffic import traffic_of
from flows.llm.types import ChatRequest, Message
from tests.servers.openai_server import Config, server_process

PHASES = (16, 64, 16)
CONCURRENCY = 256


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15, help="of each phase")
    parser.add_argument("--latency", type=float, default=0.2, help="seconds of a reply")
    parser.add_argument("--p99", type=float, default=0.0, help="99th percentile of it; 0 for all alike")
    args = parser.parse_args()
    config = Config(slots=PHASES[0], latency=args.latency, latency_p99=args.p99)
    print(f"{'limit':<10}{'slots':>6}{'in flight':>11}{'of slots':>10}{'of ideal':>10}")
    with server_process(config) as url:
        for adaptive in (True, False):
            asyncio.run(_measure(url, config, args.seconds, adaptive))


async def _measure(url: str, config: Config, seconds: float, adaptive: bool) -> None:
    llm = open_llm([url], model="m", policy=CallPolicy(concurrency=CONCURRENCY, adaptive=adaptive))
    numbers = iter(range(10**9))

    async def worker() -> None:
        for number in numbers:
            await llm.complete(ChatRequest((Message("user", f"Say {number}\n- Language: English"),), max_tokens=8))

    tasks = [asyncio.create_task(worker()) for _ in range(CONCURRENCY * 2)]
    traffic, mean = traffic_of(llm), _mean(config)
    for slots in PHASES:
        _configure(url, replace(config, slots=slots))
        await asyncio.sleep(seconds / 2)
        before, in_flight = traffic.answered, []
        loop = asyncio.get_running_loop()
        began = loop.time()
        while loop.time() < began + seconds / 2:
            await asyncio.sleep(seconds / 100)
            in_flight.append(traffic.in_flight)
        rate = (traffic.answered - before) / (loop.time() - began)
        flying = sum(in_flight) / len(in_flight)
        name = "adaptive" if adaptive else "fixed"
        print(f"{name:<10}{slots:>6}{flying:>11.0f}{flying / slots:>10.1f}{rate * mean / slots:>10.2f}", flush=True)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await llm.aclose()


def _mean(config: Config) -> float:
    """Mean seconds of a reply."""
    sigma = log(config.latency_p99 / config.latency) / 2.326 if config.latency_p99 else 0.0
    return config.latency * exp(sigma**2 / 2)


def _configure(url: str, config: Config) -> None:
    body = json.dumps(asdict(config)).encode()
    with urlopen(Request(url.replace("/v1", "/config"), body, {"Content-Type": "application/json"}), timeout=30):
        pass


if __name__ == "__main__":
    main()
