import signal
import time

import pytest

from flows.commands.progress import describe
from flows.llm.traffic import Traffic
from flows.stages.progress import Progress
from flows.stages.request import RunRequest
from flows.stages.work import read_request
from tests.servers.openai_server import Config, server_process


def test_plan_shows_requests_tokens_cost_and_three_prompts_and_sends_nothing(cli):
    done = cli("plan", "e5", "--rows", 100, "--model", "gpt-4o-mini")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("--- sample prompt") == 3
    assert "cost with gpt-4o-mini: 0." in done.stdout
    assert "total" in done.stdout


def test_plan_says_when_there_is_no_price(cli):
    assert "cost with mine: no price" in cli("plan", "e5", "--model", "mine").stdout


def test_recipes_and_prompts_are_listed(cli):
    assert {"e5", "quickstart"} <= {line.split()[0] for line in cli("recipes").stdout.splitlines() if line[0] != " "}
    assert "e5/short_long@" in cli("prompts").stdout
    assert "hard negative" in cli("prompts", "e5/short_long").stdout


def test_status_of_a_finished_run(cli, tmp_path):
    assert cli("run", "--rows", 12, "--out", tmp_path / "t").returncode == 0
    done = cli("status", tmp_path / "t")
    assert "recipe quickstart, 12 rows" in done.stdout
    assert "| publish | 12 | 0 | 12 | none |" in done.stdout


@pytest.mark.parametrize(("structured", "rung"), [("json_schema", "json_schema"), ("json_object", "json_object")])
def test_doctor_finds_out_what_an_endpoint_can_do(cli, structured, rung):
    with server_process(Config(structured=structured)) as url:
        done = cli("doctor", "--llm", url)
    assert f"structured output: {rung}" in done.stdout, done.stdout + done.stderr
    assert done.stdout.splitlines()[0].startswith("ok    packages")


def test_doctor_shows_every_endpoint_of_a_model(cli):
    with server_process(Config()) as first, server_process(Config(structured="json_object")) as second:
        done = cli("doctor", "--llm", f"{first},{second},http://127.0.0.1:9/v1")
    lines = [line for line in done.stdout.splitlines() if "  model  " in line]
    assert [line[:4] for line in lines] == ["ok  ", "ok  ", "FAIL"]
    for line, words in zip(lines, ("output: json_schema", "output: json_object", "nobody answers at"), strict=True):
        assert words in line
    assert done.returncode == 1


def test_doctor_fails_when_nobody_is_there(cli):
    done = cli("doctor", "--llm", "http://127.0.0.1:9/v1", "--model", "m")
    assert done.returncode == 1
    assert "FAIL  model" in done.stdout


def test_a_polite_stop_says_how_to_go_on(cli, tmp_path):
    with server_process(Config(latency=0.5)) as url:
        process = cli.start("run", "e5", "--llm", url, "--model", "m", "--rows", 300, "--out", tmp_path / "t")
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("t/calls/generate/*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.strip().splitlines()[-1] == "triplesmith: interrupted; the same command continues the run"


def test_help_is_quick_to_find():
    from flows.cli import COMMANDS, _parser

    text = _parser().format_help()
    assert all(name in text for name in COMMANDS)


def test_the_line_of_a_run_says_what_matters():
    progress = Progress(target=100, stage="generate", round=1, planned=40, done=10, accepted=60)
    progress.rejected.update({"no_json": 3, "refusal": 1})
    progress.traffic = lambda: Traffic(sent=12, in_flight=5, tokens_in=1500, tokens_out=2_500_000)
    line = describe(progress, 75)
    for piece in ("generate (top-up 1)", "10/40 asked", "60/100 rows accepted", "4 rejected (3 no_json, 1 refusal)",
                  "5 in flight", "1.5k+2.5M tokens", "1m15s"):  # fmt: skip
        assert piece in line


def test_a_scheduled_run_has_a_folder_and_a_seed_of_its_day():
    from datetime import date

    request = RunRequest(recipe="e5", out="outputs/e5-{date}")
    loaded, layout = read_request(request, today=date(2026, 11, 24))
    assert (str(layout.root), loaded.recipe.seed) == ("outputs/e5-20261124", 20261124)
    fixed, _ = read_request(request.model_copy(update={"seed": 7}), today=date(2026, 11, 24))
    assert fixed.recipe.seed == 7


def test_a_wheel_carries_the_prompts():
    import tomllib

    from tests.flows.conftest import ROOT

    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert build["force-include"] == {"prompts": "flows/_prompts"}
