import json

import pytest

from flows.domain.records import Row
from flows.store.jsonio import read_lines
from tests.flows.test_run import accepted, published
from tests.servers.openai_server import Config, server_process

RECIPE = """
name = "two"
description = "two writers and a lister"
rows = 60
[languages]
en = 0.5
de = 0.5
[families.sts]
share = 0.5
prompt = "e5/sts"
[families.short_long]
share = 0.5
prompt = "e5/short_long"
brainstorm = "e5/tasks_short_long"
[[llm]]
model = "big"
weight = 3.0
stages = ["generate"]
[[llm]]
model = "small"
stages = ["generate"]
key = "SMALL_KEY"
[[llm]]
name = "lister"
model = "small"
stages = ["brainstorm"]
[prices.big]
input = 2.5
output = 10.0
[shards]
units = 16
"""


@pytest.fixture(scope="module")
def endpoint():
    with server_process(Config(models="big,small", latency=0.01, rate_malformed=0.1, rate_refusal=0.05)) as url:
        yield url


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "two.toml"
    path.write_text(RECIPE)
    return path


def test_several_models_share_a_run_and_are_accounted_for(cli, endpoint, recipe, tmp_path):
    words = ("run", recipe, "--llm", endpoint, "--out", tmp_path / "t")
    missing = cli(*words)
    assert (missing.returncode, "the environment variable SMALL_KEY is not set" in missing.stderr) == (2, True)
    done = cli(*words, SMALL_KEY="k")
    assert done.returncode == 0, done.stderr
    rows: list[Row] = accepted(tmp_path / "t")
    for family in ("sts", "short_long"):
        models = [row.generator.model for row in rows if row.family == family]
        assert abs(models.count("big") - 0.75 * len(models)) < 1
    ledger = json.loads((tmp_path / "t" / "ledger.json").read_text())
    big, small, lister = ledger["models"]
    assert [entry["name"] for entry in (big, small, lister)] == ["big", "small", "lister"]
    for entry in (big, small, lister):
        assert entry["asked"] == entry["accepted"] + sum(entry["dropped"].values())
    assert (lister["asked"], lister["requests"] > 0) == (0, True)
    assert big["accepted"] + small["accepted"] == len(rows) == 60
    assert big["cost"] == pytest.approx((big["tokens_in"] * 2.5 + big["tokens_out"] * 10) / 1e6, abs=1e-6)
    assert small["cost"] is None
    generate = next(stage for stage in ledger["stages"] if stage["name"] == "generate")
    assert big["asked"] + small["asked"] == generate["created"]
    shown = cli("status", tmp_path / "t").stdout
    assert "| big | " in shown
    assert "| lister | 0 | 0 |" in shown


def test_one_model_name_does_not_fit_several(cli, endpoint, recipe):
    done = cli("run", recipe, "--llm", endpoint, "--model", "big")
    assert (done.returncode, "names several models (big, small, lister)" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("small", "large"),
    [(("--max-requests", 45), ("--max-requests", 500)), (("--max-tokens", 25_000), ()), (("--max-cost", 0.12), ())],
    ids=["requests", "tokens", "cost"],
)
def test_a_budget_stops_the_run_which_goes_on_with_a_larger_one(cli, endpoint, recipe, tmp_path, small, large):
    recipe.write_text(RECIPE.replace('key = "SMALL_KEY"', "") + "[prices.small]\ninput = 1.0\noutput = 1.0\n")
    whole, run = tmp_path / "whole", tmp_path / "t"
    words = ("run", recipe, "--llm", endpoint)
    assert cli(*words, "--out", whole).returncode == 0
    stopped = cli(*words, "--out", run, *small)
    assert stopped.returncode == 3, stopped.stderr
    assert "projected: " in stopped.stdout
    assert "covers" in stopped.stdout
    name = small[0].removeprefix("--").replace("-", "_")
    assert f"the budget limits.{name} = " in stopped.stderr
    spent = _spent(run)
    assert spent[name] <= small[1] * (1 if name == "max_requests" else 1.15)
    assert spent[name] >= small[1] * 0.8
    # what is paid for is a data set already
    assert 0 < len(accepted(run)) < 60
    assert (run / "publish" / "README.md").exists()
    again = cli(*words, "--out", run, *small)
    assert again.returncode == 3
    assert _spent(run)[name] <= small[1] * 1.15
    assert len(accepted(run)) >= 0.9 * spent["rows"]
    assert cli(*words, "--out", run, *large).returncode == 0
    assert published(run) == published(whole)


def _spent(run) -> dict[str, float]:
    models = json.loads((run / "ledger.json").read_text())["models"]
    return {
        "max_requests": sum(model["requests"] for model in models),
        "max_tokens": sum(model["tokens_in"] + model["tokens_out"] for model in models),
        "max_cost": sum(model["cost"] for model in models),
        "rows": sum(len(list(read_lines(path))) for path in run.glob("curate/shard-*")),
    }


def test_a_budget_in_dollars_needs_prices(cli, endpoint, recipe):
    done = cli("run", recipe, "--llm", endpoint, "--max-cost", 1, SMALL_KEY="k")
    assert (done.returncode, "no price is known for 'lister'" in done.stderr) == (2, True)
