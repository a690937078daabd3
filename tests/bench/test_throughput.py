import inspect
from collections import Counter

import pytest

from tests.bench import throughput
from tests.bench.anatomy import microseconds, purpose
from tests.bench.host import Scenario, prefect_home, serving
from tests.bench.server import draw_latencies
from tests.bench.throughput import COLUMNS, measure, table


@pytest.fixture(scope="module")
def server():
    with serving() as running:
        yield running


@pytest.mark.parametrize("client", ["aiohttp", "openai", "stage", "triplesmith"])
def test_every_client_gets_every_row_with_one_request_each(server, client):
    with prefect_home() as environment:
        result = measure(server, Scenario("tiny", 0.005, 8, 40), client, environment, ["shards.units=16"])
    assert result["rows"] == result["requests"] == 40
    assert 0 < result["peak_in_flight"] <= 8
    assert 0 < result["of_ideal"] < 1
    assert result["cpu_s"] > 0 and result["startup_cpu_s"] > 0 and result["peak_mb"] > 10
    if client in ("stage", "triplesmith"):
        assert result["shards"] == 3


def test_the_cpu_is_shared_out_among_purposes_by_the_innermost_frame_that_is_known(server):
    assert [line["purpose"] for line in throughput.where(server, 400, ["shards.units=128"])][-1] == "all"
    frame = inspect.currentframe()
    assert purpose(frame) == "other"
    assert microseconds(Counter({"journal": 3, "other": 1}), 0.004, 10) == {"journal": 300.0, "other": 100.0}


def test_the_server_draws_the_same_latencies_for_every_client():
    assert draw_latencies(0.2, 0.0, 3) == [0.2, 0.2, 0.2]
    skewed = draw_latencies(1.0, 30.0, 20_000)
    assert skewed == draw_latencies(1.0, 30.0, 20_000)
    ranked = sorted(skewed)
    assert ranked[10_000] == pytest.approx(1.0, rel=0.05)
    assert ranked[19_800] == pytest.approx(30.0, rel=0.2)


def test_the_ideal_is_the_shortest_time_in_which_the_slots_can_serve_all():
    assert Scenario("even", 0.2, 64, 640).ideal_s == pytest.approx(2.0)
    skewed = Scenario("skewed", 1.0, 8, 200, p99=30.0)
    latencies = draw_latencies(1.0, 30.0, 200)
    assert max(max(latencies), sum(latencies) / 8) <= skewed.ideal_s <= sum(latencies) / 8 + max(latencies)


def test_a_table_has_a_dash_where_a_client_has_no_figure():
    shown = table([{"scenario": "0ms/64", "client": "aiohttp", "rows": 1000, "of_ideal": None}], COLUMNS)
    head, rule, line = shown.splitlines()
    assert head.count("|") == rule.count("|") == line.count("|") == len(COLUMNS) + 1
    assert "1,000" in line and "–" in line


def test_sizes_shrink_for_a_quick_run():
    usual = throughput.SCENARIOS
    quick = [throughput._sized(scenario, None, quick=True) for scenario in usual]
    assert sum(scenario.ideal_s for scenario in quick) < sum(scenario.ideal_s for scenario in usual) / 5
    assert {throughput._sized(scenario, 7, quick=False).rows for scenario in usual} == {7}
