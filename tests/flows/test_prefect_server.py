import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from flows.commands.prefect_server import URL, wanted
from tests.flows.conftest import ROOT

PROFILES = """
active = "{active}"

[profiles.mine]
PREFECT_LOGGING_LEVEL = "DEBUG"

[profiles.remote]
PREFECT_API_URL = "http://127.0.0.1:4200/api"
"""


@pytest.mark.parametrize(
    ("environ", "files", "expected"),
    [
        ({}, {}, True),
        ({URL: "http://127.0.0.1:4200/api"}, {}, False),
        ({"PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false"}, {}, False),
        ({}, {"prefect.toml": ""}, False),
        ({}, {".env": "PREFECT_API_URL=http://127.0.0.1:4200/api"}, False),
        ({}, {".env": "OPENAI_API_KEY=x"}, True),
        ({}, {"pyproject.toml": "[tool.prefect.api]\nurl = 'http://127.0.0.1:4200/api'"}, False),
        ({}, {"pyproject.toml": "[project]\nname = 'x'"}, True),
        ({}, {"home/profiles.toml": PROFILES.format(active="mine")}, True),
        ({}, {"home/profiles.toml": PROFILES.format(active="remote")}, False),
        ({"PREFECT_PROFILE": "remote"}, {"home/profiles.toml": PROFILES.format(active="mine")}, False),
        ({"PREFECT_PROFILE": "local"}, {}, False),
        ({}, {"home/profiles.toml": "is damaged"}, True),
    ],
)
def test_a_server_is_started_only_where_prefect_would_start_one(tmp_path, environ, files, expected):
    (tmp_path / "home").mkdir()
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    assert wanted(environ, tmp_path / "home", tmp_path) is expected


RUN = """
import os, sys, time
from flows.commands.environment import prepare_prefect
from flows.commands.prefect_server import start_server

prepare_prefect()
server = start_server()
server.wait()
print(os.environ["PREFECT_API_URL"], server._process.pid, flush=True)
time.sleep(600)
"""


def test_the_server_answers_and_ends_with_a_killed_parent(tmp_path):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment = {**kept, "PREFECT_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    environment["PREFECT_API_DATABASE_MIGRATE_ON_START"] = "false"
    command = [sys.executable, "-c", RUN]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as parent:
        url, process = parent.stdout.readline().split()
        with urlopen(f"{url}/health") as response:
            assert response.read() == b"true"
        parent.send_signal(signal.SIGKILL)
    waiting = subprocess.run(["tail", f"--pid={process}", "-f", "/dev/null"], timeout=60)
    assert waiting.returncode == 0
    assert not Path(f"/proc/{process}").exists()


def test_a_server_that_does_not_start_is_one_line(tmp_path):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    database = "sqlite+aiosqlite:////proc/no/such/place.db"
    environment = {**kept, "PREFECT_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    environment["PREFECT_API_DATABASE_CONNECTION_URL"] = database
    command = [sys.executable, "-m", "flows", "run", "--out", str(tmp_path / "run")]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("triplesmith: Prefect's embedded server did not start: ")
