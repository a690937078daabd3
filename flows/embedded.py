"""Prefect's server for one run, in a process that ends with its parent: `python -m flows.embedded FILE_DESCRIPTOR`.

Prefect starts such a server by itself, but only when the first flow starts; it looks for it ten times a second, and
leaves it behind when the flow's process is killed. This one is started while the command still reads its recipe
(commands/prefect_server.py). It inherits a socket that listens already, so that whoever connects early waits in line,
and a pipe as standard input, which closes with the parent however that ends.
"""

import os
import socket
import sys
import threading
from typing import TYPE_CHECKING

from flows import garbage

if TYPE_CHECKING:
    import uvicorn

PATIENCE = 5.0
"""Seconds that open requests have once the parent is gone."""


def main(descriptor: int) -> None:
    """Serve on an inherited socket until standard input closes."""
    ended = threading.Event()
    threading.Thread(target=_watch, args=(ended,), daemon=True).start()
    garbage.pause()
    import uvicorn
    from prefect.server.api.server import create_app

    app = create_app(ephemeral=True, final=True)
    garbage.settle()
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on"))
    threading.Thread(target=_stop, args=(ended, server), daemon=True).start()
    server.run(sockets=[socket.socket(fileno=descriptor)])


def _watch(ended: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    ended.set()


def _stop(ended: threading.Event, server: "uvicorn.Server") -> None:
    ended.wait()
    server.should_exit = True
    threading.Event().wait(PATIENCE)
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
