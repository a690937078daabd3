"""What goes wrong between a run and its model, its disk and its process; prints a table of how each run ended."""

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from flows.store.jsonio import read_lines
from tests.flows.conftest import PATIENCE
from tests.flows.faults import FAULTS, HEAD, IN_FLIGHT, RECIPE, ROWS, Clock, Fault, Measured, in_columns, measure
from tests.servers.openai_server import Config, server_process


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[tuple[str, Path]]:
    log = tmp_path_factory.mktemp("faults") / "requests.jsonl"
    with server_process(Config(log=str(log))) as url:
        yield url, log


@pytest.fixture
def recipe(tmp_path) -> Path:
    path = tmp_path / "faults.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def note(fault_table) -> Callable[[Measured], None]:
    """Put a line into the table."""

    def put(measured: Measured) -> None:
        if not fault_table:
            fault_table.append(in_columns(HEAD))
        fault_table.append(str(measured))

    return put


def configure(url: str, config: Config) -> None:
    body = json.dumps(asdict(config)).encode()
    with urlopen(Request(url.replace("/v1", "/config"), body, {"Content-Type": "application/json"}), timeout=30):
        pass


def sound(measured: Measured) -> bool:
    return (measured.accepted, measured.nulls, measured.lost, measured.doubled) == (ROWS, 0, 0, 0)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_of_the_server(fault: Fault, cli, server, recipe, tmp_path, note):
    url, log = server
    log.write_bytes(b"")
    configure(url, fault.config)
    run, clock = tmp_path / "t", Clock()
    changes = [word for change in fault.changes for word in ("--set", change)]
    words = ("run", recipe, "--llm", url, "--model", "m", "--out", run, *changes)
    done = cli(*words)
    code, said = done.returncode, done.stderr
    assert code == fault.code, said
    codes, seconds = [code], clock.seconds
    if code:
        assert said.strip().splitlines()[-1].startswith("triplesmith: "), said
        configure(url, Config())
        codes.append(cli(*words).returncode)
    measured = measure(fault.name, codes, run, log, seconds)
    note(measured)
    assert codes[-1] == 0
    assert sound(measured), measured
    assert measured.requests <= fault.most
    assert measured.twice == 0


@pytest.fixture
def slow_server(tmp_path) -> Iterator[tuple[str, Path]]:
    log = tmp_path / "requests.jsonl"
    with server_process(Config(latency=0.2, log=str(log))) as url:
        yield url, log


def wait_for(requests: int, log: Path) -> None:
    """Wait until so many requests have ended."""
    deadline = time.monotonic() + PATIENCE
    while (not log.exists() or log.read_bytes().count(b"\n") < requests) and time.monotonic() < deadline:
        time.sleep(0.02)


def test_the_server_is_started_again_in_mid_run(cli, recipe, tmp_path, note):
    log = tmp_path / "requests.jsonl"
    ready, done, urls = threading.Event(), threading.Event(), []

    def come_and_go() -> None:
        with server_process(Config(latency=0.1, log=str(log))) as url:
            urls.append(url)
            ready.set()
            wait_for(8, log)
        time.sleep(1)
        with server_process(Config(port=int(url.split(":")[2].removesuffix("/v1")), log=str(log))):
            done.wait(PATIENCE)

    thread = threading.Thread(target=come_and_go)
    thread.start()
    assert ready.wait(PATIENCE)
    clock = Clock()
    ended = cli("run", recipe, "--llm", urls[0], "--model", "m", "--out", tmp_path / "t")
    code, said = ended.returncode, ended.stderr
    seconds = clock.seconds
    done.set()
    thread.join()
    measured = measure("server started again", [code], tmp_path / "t", log, seconds)
    note(measured)
    assert code == 0, said
    assert sound(measured), measured
    assert measured.twice <= IN_FLIGHT, "the answers on their way died with the server"


def test_one_of_two_servers_dies_in_mid_run(cli, recipe, tmp_path, slow_server, note):
    url, log = slow_server
    ready, urls = threading.Event(), []

    def come_and_go() -> None:
        with server_process(Config(latency=0.2, log=str(log))) as url:
            urls.append(url)
            ready.set()
            wait_for(8, log)

    thread = threading.Thread(target=come_and_go)
    thread.start()
    assert ready.wait(PATIENCE)
    clock = Clock()
    words = ("--llm", f"{url},{urls[0]}", "--model", "m", "--out", tmp_path / "t", "--set", "llm.logprobs=true")
    ended = cli("run", recipe, *words)
    code, said = ended.returncode, ended.stderr
    seconds = clock.seconds
    thread.join()
    measured = measure("one of two servers dies", [code], tmp_path / "t", log, seconds)
    note(measured)
    assert code == 0, said
    assert sound(measured), measured
    rows = [line for path in (tmp_path / "t").glob("curate/shard-*") for line in read_lines(path)]
    assert {row["generator"]["mean_logprob"] for row in rows} == {-0.5}
    known = json.loads((tmp_path / "t" / "calls" / "endpoints.json").read_text())
    assert {address: models["m"]["step"] for address, models in known.items()} == dict.fromkeys(
        (url, urls[0]), "json_schema"
    )


def test_the_disk_is_full(cli, recipe, tmp_path, slow_server, note):
    url, log = slow_server
    # one journal for all rows, with log-probabilities: the first file to outgrow the limit
    longer = ("--set", f"shards.units={ROWS}", "--set", "llm.logprobs=true")
    words = ("run", recipe, "--llm", url, "--model", "m", "--out", tmp_path / "t", *longer)
    clock = Clock()
    process = cli.start(*words, full_at=12_000)
    _, said = process.communicate(timeout=PATIENCE)
    seconds = clock.seconds
    stopped = [*log.read_bytes().splitlines()]
    codes = [process.returncode, cli(*words).returncode]
    measured = measure("disk full", codes, tmp_path / "t", log, seconds)
    note(measured)
    assert codes == [1, 0], said
    assert said.strip().splitlines()[-1].startswith("triplesmith: ")
    assert "cannot be written" in said
    assert sound(measured), measured
    assert measured.twice <= IN_FLIGHT
    assert len(stopped) < ROWS


@pytest.mark.parametrize(("end", "code"), [(signal.SIGTERM, 130), (signal.SIGKILL, -9)], ids=["SIGTERM", "SIGKILL"])
def test_the_process_is_ended(end, code, cli, recipe, tmp_path, slow_server, note):
    url, log = slow_server
    words = ("run", recipe, "--llm", url, "--model", "m", "--out", tmp_path / "t")
    process = cli.start(*words)
    wait_for(10, log)
    clock = Clock()
    process.send_signal(end)
    _, said = process.communicate(timeout=PATIENCE)
    seconds = clock.seconds
    codes = [process.returncode, cli(*words).returncode]
    measured = measure(end.name, codes, tmp_path / "t", log, seconds)
    note(measured)
    assert codes == [code, 0], said
    assert sound(measured), measured
    assert measured.twice <= IN_FLIGHT
