from types import SimpleNamespace

import pytest

from flows.domain.ledger import StageTally
from flows.recipes.load import load_recipe
from flows.stages import brainstorm
from flows.stages.brainstorm import Task, TaskList
from flows.store.jsonio import write_json, write_lines
from flows.store.layout import Layout


@pytest.mark.parametrize(("new", "stale"), [(1, {"sts": 0.05}), (2, {}), (20, {})])
def test_a_family_whose_last_lists_repeat_themselves_is_asked_no_more(tmp_path, new, stale):
    layout = Layout(tmp_path)
    work = SimpleNamespace(layout=layout, loaded=load_recipe("e5"))
    for number in range(2):
        write_json(
            layout.round("brainstorm", number), {"number": number, "first": number, "shards": 1, "units": 1, "rows": 9}
        )
        write_lines(layout.rows("brainstorm", number), [Task("sts", f"t{n}", f"{number}.{n}") for n in range(20)])
    kept = {"sts": [Task("sts", f"t{n}", f"1.{n}") for n in range(new)]}
    assert brainstorm._stale(work, kept) == stale


def test_what_stopped_is_said_and_not_asked_for():
    tasks = TaskList({"a": ("x",), "b": ("y",)}, {"a": 3, "b": 1}, StageTally("brainstorm"), {"a": 0.05, "b": 0.0})
    assert tasks.short == {}
    assert tasks.warnings == [
        "a: brainstorming stopped at 1 of 3 tasks, since only 5% of those last listed were new (brainstorm.least_new); "
        "rows share the tasks there are"
    ]
