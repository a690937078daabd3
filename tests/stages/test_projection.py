from dataclasses import replace
from types import SimpleNamespace

import pytest

from flows.domain.units import Unit
from flows.llm.meter import Budget, Meter, Paid
from flows.recipes.model import Limits
from flows.stages.plan import Ask, write_round
from flows.stages.progress import Progress
from flows.stages.projection import against, describe, from_first_rows
from flows.store.layout import Layout


def work_after(tmp_path, *, rows: int, paid: Paid, planned: int = 1000, limits: Limits | None = None):
    told: list[str] = []
    progress = Progress(stage="generate", planned=planned, done=rows, written=rows, tell=told.append)
    recipe = SimpleNamespace(limits=limits or Limits())
    layout = Layout(tmp_path)
    lists = [Ask(Unit("brainstorm", "short_long", slot, 0, "p")) for slot in range(10)]
    write_round(layout, "brainstorm", lists, shard_units=16, rows=planned)
    meter = Meter(Budget(), {}, before=paid)
    return SimpleNamespace(progress=progress, meter=meter, layout=layout, loaded=SimpleNamespace(recipe=recipe)), told


@pytest.mark.parametrize("requests", [60, 1010], ids=["one by one", "all answered at once, as batches are"])
def test_the_first_rows_tell_what_the_run_will_cost(tmp_path, requests):
    paid = Paid(requests, 300 * requests, 100 * requests, 0.001 * requests)
    work, told = work_after(tmp_path, rows=50, paid=replace(paid))
    from_first_rows(work)
    (line,) = told
    assert "after 50 rows: " in line
    assert "projected at 1,010 requests" in line


def test_a_run_that_goes_on_is_projected_as_a_whole(tmp_path):
    work, told = work_after(tmp_path, rows=50, paid=Paid(60, 18_000, 6_000), planned=512)
    work.progress.target = 1100
    from_first_rows(work)
    assert "projected at 1,110 requests" in told[0]


@pytest.mark.parametrize(("rows", "more", "told_now"), [(64, 20, True), (49, 20, False), (80, 20, False)])
def test_rows_of_other_processes_come_several_at_a_time(tmp_path, rows, more, told_now):
    work, told = work_after(tmp_path, rows=rows, paid=Paid(100, 30_000, 10_000, 0.1))
    from_first_rows(work, more)
    assert [line.startswith("after 64 rows: ") for line in told] == ([True] if told_now else [])


@pytest.mark.parametrize("rows", [49, 51, 500])
def test_it_is_told_once(tmp_path, rows):
    work, told = work_after(tmp_path, rows=rows, paid=Paid(60, 1000, 1000, 1.0))
    from_first_rows(work)
    assert told == []


def test_a_replayed_run_has_no_cost_to_tell(tmp_path):
    work, told = work_after(tmp_path, rows=50, paid=Paid(60))
    from_first_rows(work)
    assert told == []


def test_the_tightest_budget_is_named():
    total = Paid(100, 50_000, 50_000, 4.0)
    assert against(total, Limits()) == ""
    assert against(total, Limits(max_cost=4.0, max_tokens=200_000)) == "; within the budget"
    assert "limits.max_cost = 1 covers 25% of it" in against(total, Limits(max_cost=1.0, max_requests=50))
    assert describe(total) == "100 requests, 100,000 tokens, 4.00 US dollars"
