"""Start Prefect's server for a run in the background, before anything that takes time."""

import atexit
import http.client
import os
import socket
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from flows.errors import PrefectServerError

URL = "PREFECT_API_URL"
ALLOWED = ("PREFECT_SERVER_ALLOW_EPHEMERAL_MODE", "PREFECT_SERVER_EPHEMERAL_ENABLED")
BUILT_IN = "ephemeral"
"""Prefect's own profile for whoever has none."""
SETTINGS = {
    "PREFECT_UI_ENABLED": "0",
    # for Prefect's own modules: the services of a server that lives as long as a run
    "PREFECT__SERVER_EPHEMERAL": "1",
    # nothing triggers on a run's events, nobody follows its streams, and the run folder keeps what happened
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_ENABLED": "false",
    "PREFECT_SERVER_EVENTS_STREAM_OUT_ENABLED": "false",
    "PREFECT_SERVER_LOGS_STREAM_OUT_ENABLED": "false",
    # a run has no blocks; memoized without being done, they would be missing from a later server of the user's
    "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",
    "PREFECT_SERVER_MEMOIZE_BLOCK_AUTO_REGISTRATION": "false",
}
STARTUP_SECONDS = 180.0
"""A first start makes the database, and the machine may be busy."""
END_SECONDS = 5.0


class PrefectServer:
    """A server that is starting or up."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, errors: IO[bytes]) -> None:
        self._process = process
        self._port = port
        self._errors = errors
        self._up = False

    def wait(self) -> None:
        """Wait until it answers; raises PrefectServerError."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=STARTUP_SECONDS)
        try:
            connection.request("GET", "/api/health")
            self._up = connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        if not self._up:
            raise PrefectServerError(f"Prefect's embedded server did not start: {self._last_words()}")

    def stop(self) -> None:
        """End it; what it has answered is in its database."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(END_SECONDS if self._up else 0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()

    def _last_words(self) -> str:
        self._process.kill()
        self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it says nothing")


def wanted(environ: Mapping[str, str], home: Path, folder: Path) -> bool:
    """Whether Prefect, left to itself, would start a server of its own.

    It would not where an address is set in the environment, in the active profile, or in a settings file of the working
    folder; a settings file that may set it in another way leaves the decision to Prefect.
    """
    if environ.get(URL) or any(environ.get(name, "").lower() in ("0", "false") for name in ALLOWED):
        return False
    if (folder / "prefect.toml").exists() or "PREFECT_" in _text(folder / ".env"):
        return False
    if "prefect" in _toml(folder / "pyproject.toml").get("tool", {}):
        return False
    profiles = _toml(Path(environ.get("PREFECT_PROFILES_PATH") or home / "profiles.toml"))
    active = environ.get("PREFECT_PROFILE") or profiles.get("active", BUILT_IN)
    known = {BUILT_IN: {}, **profiles.get("profiles", {})}
    return active in known and URL not in known[active]


def start_server() -> PrefectServer | None:
    """Have a server start in the background and end with this process; None where Prefect is to look for one itself.

    Call before Prefect is imported: at exit it has still something to tell the server, and what was registered first
    ends last.
    """
    home = Path(os.environ.get("PREFECT_HOME") or "~/.prefect").expanduser()
    if not wanted(os.environ, home, Path.cwd()):
        return None
    server = _start()
    atexit.register(server.stop)
    return server


def _start() -> PrefectServer:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        port = listener.getsockname()[1]
        errors = tempfile.TemporaryFile()
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.embedded", str(listener.fileno())],
            env={**SETTINGS, **os.environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            pass_fds=[listener.fileno()],
            start_new_session=True,  # Ctrl-C is for the run, which still has something to tell its server
        )
    os.environ[URL] = f"http://127.0.0.1:{port}/api"
    return PrefectServer(process, port, errors)


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError:
        return {}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""
