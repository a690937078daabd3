"""`triplesmith review` in a process of its own."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.store.layout import Layout

ROOT = Path(__file__).parents[2]


@contextmanager
def review(layout: Layout, *words: str) -> Iterator[tuple[str, subprocess.Popen]]:
    """Give the address of the page and the process behind it, which is gone at the end."""
    command = [sys.executable, "-m", "flows", "review", str(layout.root), "--no-open", *words]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # tests that run in the background inherit that Ctrl-C is not for them
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        said = process.stdout.readline()
        assert " at http://127.0.0.1:" in said, said + process.stderr.read()
        yield said.split()[-1], process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()
