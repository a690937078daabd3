"""Stands where vLLM's command line stands: a real server process that can be slow, deaf, mortal, or nobody at all.

python -m vllm.entrypoints.cli.main serve MODEL --host HOST --port PORT --served-model-name NAME …
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="vllm serve")
    parser.add_argument("command")
    parser.add_argument("model")
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    parser.add_argument("--served-model-name")
    parser.add_argument("--disable-uvicorn-access-log", action="store_true")
    parser.add_argument("--enable-prefix-caching", action=argparse.BooleanOptionalAction)
    parser.add_argument("--tensor-parallel-size", type=int)
    parser.add_argument("--compilation-config", type=json.loads)
    # what vLLM does not have
    parser.add_argument("--diary", type=Path, required=True, help="file that gets a line for each life")
    parser.add_argument("--die-after", type=int, help="answers after which it dies")
    parser.add_argument("--lives", type=int, default=10**6, help="lives that --die-after and --silent-after hold for")
    parser.add_argument("--silent-after", type=int, help="answers after which it says nothing more")
    parser.add_argument("--poison", help="a prompt with this word kills it")
    parser.add_argument("--fail-in-life", type=int, help="life in which it does not start")
    parser.add_argument("--never-healthy", action="store_true")
    parser.add_argument("--busy-ports", type=int, default=0, help="lives in which another program has the port")
    return parser.parse_args()


def main() -> None:
    given = options()
    helper = subprocess.Popen(["sleep", "600"])
    with given.diary.open("a") as file:
        entry = {"pid": os.getpid(), "helper": helper.pid, "argv": sys.argv[1:], "key": os.environ["VLLM_API_KEY"]}
        file.write(json.dumps(entry) + "\n")
    life = len(given.diary.read_text().splitlines())
    if life <= given.busy_ports:
        sys.exit("OSError: [Errno 98] Address already in use")
    if life == given.fail_in_life:
        raise RuntimeError("no memory left for the weights")
    serve(given, mortal=life <= given.lives)


def serve(given: argparse.Namespace, *, mortal: bool) -> None:
    answers = itertools.count()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.reply(503 if given.never_healthy else 200, {})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.headers["Authorization"] != f"Bearer {os.environ['VLLM_API_KEY']}":
                self.reply(401, {"error": "Unauthorized"})
                return
            said = body["messages"][0]["content"]
            time.sleep(0.01)
            if given.poison and given.poison in said:
                end("Segmentation fault")
            answered = next(answers)
            if mortal and given.die_after is not None and answered >= given.die_after:
                end("CUDA out of memory")
            if mortal and given.silent_after is not None and answered >= given.silent_after:
                time.sleep(600)
            choice = {"index": 0, "message": {"role": "assistant", "content": f"{said} back"}, "finish_reason": "stop"}
            usage = {"prompt_tokens": 2, "completion_tokens": 3}
            self.reply(200, {"model": body["model"], "choices": [choice], "usage": usage})

        def reply(self, status: int, content: object) -> None:
            payload = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_: object) -> None:
            pass

    ThreadingHTTPServer((given.host, given.port), Handler).serve_forever()


def end(why: str) -> None:
    """Die at once, leaving the helper behind."""
    sys.stderr.write(f"(EngineCore pid=1) ERROR 11-29 12:00:00 [core.py:1] RuntimeError: {why}\n")
    sys.stderr.write("RuntimeError: Engine core initialization failed. See root cause above.\n")
    sys.stderr.flush()
    os._exit(3)


if __name__ == "__main__":
    main()
