"""A process that runs `triplesmith` commands one after the other, so that many runs pay for one start.

A line of JSON comes in for each command, its words; one goes out for it: exit code, standard output and error.
"""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout

from flows.cli import main


def serve() -> None:
    """Run commands until the input ends."""
    for line in sys.stdin:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run(json.loads(line))
        sys.stdout.write(json.dumps({"code": code, "out": out.getvalue(), "err": err.getvalue()}) + "\n")
        sys.stdout.flush()


def run(words: list[str]) -> int:
    """Run one command; argparse leaves by SystemExit."""
    try:
        return main(words)
    except SystemExit as ended:
        return int(ended.code or 0)


if __name__ == "__main__":
    serve()
