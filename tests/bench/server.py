"""A lean OpenAI-compatible server for benchmarks: canned replies after a latency, in a process of its own.

It does a tenth of the work of tests/servers/openai_server.py per request, so that it is never what a client waits for.
Replies are chosen by the name of the request's schema; latencies are drawn from a seed by order of arrival, the same
for every client of a scenario.

    POST /v1/chat/completions   a reply, after the latency and with at most `slots` at work
    GET  /v1/models             one model, `m`
    POST /scenario              set latency, p99, slots; start the counters anew
    GET  /stats                 requests, CPU seconds, most requests open at once, time of the first one
"""

import asyncio
import heapq
import json
import sys
import time
from collections import deque
from itertools import cycle
from math import exp, log
from pathlib import Path
from random import Random
from typing import Any

MARK = b'"json_schema":{"name":"'
EARLY = 0.0005
"""Seconds: the loop's timers are late by up to a millisecond; a reply due within half of one leaves at once."""


def draw_latencies(latency: float, p99: float, count: int) -> list[float]:
    """Give the latencies of the first requests of a scenario: the same each, or lognormal with that median and p99."""
    if not p99:
        return [latency] * count
    chance, sigma = Random(0), log(p99 / latency) / 2.326
    return [latency * exp(chance.gauss(0, sigma)) for _ in range(count)]


class Bench:
    """What the connections share: replies, slots and counters."""

    def __init__(self, replies: dict[str, list[str]]) -> None:
        self.replies = {name.encode(): cycle(map(_response, texts)) for name, texts in replies.items()}
        self.nothing = cycle([_response("{}")])
        self.loop = asyncio.get_running_loop()
        self.due: list[tuple[float, int, Connection, bytes]] = []
        self.timer: asyncio.TimerHandle | None = None
        self.configure({})

    def configure(self, scenario: dict[str, Any]) -> None:
        """Start a scenario."""
        self.latency, self.p99 = scenario.get("latency", 0.0), scenario.get("p99", 0.0)
        self.slots = scenario.get("slots", 1 << 30)
        self.latencies = draw_latencies(self.latency, self.p99, scenario.get("requests", 0)) if self.p99 else []
        self.queue: deque[tuple[Connection, bytes]] = deque()
        self.arrived = self.answered = self.at_work = self.open = self.peak = 0
        self.first: float | None = None
        self.cpu = time.process_time()

    def stats(self) -> dict[str, Any]:
        """Give the counters."""
        return {
            "arrived": self.arrived,
            "answered": self.answered,
            "peak": self.peak,
            "cpu_s": time.process_time() - self.cpu,
            "first": self.first,
        }

    def ask(self, connection: "Connection", body: bytes) -> None:
        """Take a request in; it is answered at once, later, or when a slot is free."""
        if self.first is None:
            self.first = time.time()
        self.open += 1
        self.peak = max(self.peak, self.open)
        start = body.find(MARK)
        name = body[start + len(MARK) : body.index(b'"', start + len(MARK))] if start >= 0 else b""
        reply = next(self.replies.get(name) or self.nothing)
        if not self.latency:
            self.arrived += 1
            self.answer(connection, reply)
        elif self.at_work < self.slots:
            self.work(connection, reply)
        else:
            self.queue.append((connection, reply))

    def work(self, connection: "Connection", reply: bytes) -> None:
        """Give a request a slot."""
        latency = self.latencies[self.arrived] if self.arrived < len(self.latencies) else self.latency
        self.arrived += 1
        self.at_work += 1
        heapq.heappush(self.due, (self.loop.time() + latency, self.arrived, connection, reply))
        self.wind()

    def wind(self) -> None:
        """Have the timer ring for the next reply."""
        if self.timer is None or self.timer.when() > self.due[0][0]:
            if self.timer:
                self.timer.cancel()
            self.timer = self.loop.call_at(self.due[0][0], self.ring)

    def ring(self) -> None:
        """Answer what is due."""
        self.timer = None
        until = self.loop.time() + EARLY
        while self.due and self.due[0][0] <= until:
            _, _, connection, reply = heapq.heappop(self.due)
            self.at_work -= 1
            self.answer(connection, reply)
            if self.queue:
                self.work(*self.queue.popleft())
        if self.due:
            self.wind()

    def answer(self, connection: "Connection", reply: bytes) -> None:
        """Send one reply."""
        self.open -= 1
        self.answered += 1
        connection.transport.write(reply)


class Connection(asyncio.Protocol):
    """One keep-alive connection, a request at a time."""

    transport: asyncio.Transport

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            body = self.buffer[end + 4 : end + 4 + length]
            self.buffer = self.buffer[end + 4 + length :]
            self.route(head.split(b" ", 2)[1], body)

    def route(self, path: bytes, body: bytes) -> None:
        """Answer one request."""
        if path == b"/v1/chat/completions":
            self.bench.ask(self, body)
        elif path == b"/v1/models":
            self.transport.write(_http({"object": "list", "data": [{"id": "m", "object": "model"}]}))
        elif path == b"/stats":
            self.transport.write(_http(self.bench.stats()))
        else:
            self.bench.configure(json.loads(body))
            self.transport.write(_http({}))


def _response(text: str) -> bytes:
    return _http(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 0,
            "model": "m",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 500, "completion_tokens": 300, "total_tokens": 800},
        }
    )


def _http(value: Any) -> bytes:
    body = json.dumps(value, ensure_ascii=False).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


async def serve(replies: dict[str, list[str]]) -> None:
    """Serve until standard input closes, as it does with the parent; the port goes to stdout."""
    bench = Bench(replies)
    server = await bench.loop.create_server(lambda: Connection(bench), "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    gone = asyncio.Event()
    bench.loop.add_reader(sys.stdin.fileno(), gone.set)
    await gone.wait()


if __name__ == "__main__":
    asyncio.run(serve(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
