from collections import Counter
from itertools import islice

import pytest

from flows.recipes.draw import again, brainstorm_units, family_rows, instance_units, run_units
from flows.recipes.load import load_recipe

TASKS = {name: [f"task {n}" for n in range(400)] for name in ("short_long", "long_short", "short_short", "long_long")}


@pytest.fixture(scope="module")
def e5():
    return load_recipe("e5")


@pytest.mark.parametrize("rows", [1, 17, 100, 999])
def test_families_keep_their_shares_to_within_one_row(e5, rows):
    counts = family_rows(e5, rows)
    assert sum(counts.values()) == rows
    for name, family in e5.recipe.families.items():
        assert abs(counts[name] - rows * family.share) < 1


def test_a_small_run_is_the_beginning_of_a_large_one(e5):
    small, large = list(run_units(e5, TASKS, 100)), list(run_units(e5, TASKS, 300))
    assert small == large[:100]
    assert Counter(unit.family for unit in small) == Counter(family_rows(e5, 100))


def test_axes_of_a_family_keep_their_shares(e5):
    source = e5.source("short_long")
    units = list(islice(instance_units(e5, source, TASKS["short_long"]), 330))
    for axis in source.prompt.axes:
        counts = Counter(unit.variables[axis.name] for unit in units)
        assert all(abs(counts[value.value] - len(units) * value.weight) < 1 for value in axis.values)
    english = sum(unit.variables["language"] == "English" for unit in units)
    assert abs(english - 330 * 0.431) < 1


def test_a_translation_never_stays_in_its_language(e5):
    units = list(islice(instance_units(e5, e5.source("bitext"), ()), 300))
    assert all(unit.variables["src_lang"] != unit.variables["tgt_lang"] for unit in units)


def test_requests_of_one_run_all_differ(e5):
    units = list(run_units(e5, {name: tasks[:20] for name, tasks in TASKS.items()}, 600))
    rendered = [e5.source(unit.family).prompt.render(unit.variables) for unit in units]
    assert len({*rendered}) == len(rendered)


def test_a_task_serves_its_rows_and_then_tasks_serve_again(e5):
    units = list(islice(instance_units(e5, e5.source("short_short"), ["a", "b"]), 6))
    assert [(unit.variables["task"], unit.variables["sample"]) for unit in units] == [
        ("a", 1), ("a", 2), ("b", 1), ("b", 2), ("a", 3), ("a", 4),
    ]  # fmt: skip


def test_asking_again_keeps_the_place_and_changes_the_request(e5):
    unit = next(run_units(e5, TASKS, 1))
    retry = again(unit, unit.slot, 1)
    prompt = e5.source(unit.family).prompt
    assert {**retry.variables, "attempt": 0} == unit.variables
    assert prompt.render(retry.variables) != prompt.render(unit.variables)
    assert retry.key("f") != unit.key("f")


def test_the_seed_changes_the_draw(e5):
    other = load_recipe("e5", seed=1)
    assert list(run_units(e5, TASKS, 50)) != list(run_units(other, TASKS, 50))


MODELS = ["llm=[{model='big', weight=3.0, stages=['generate']}, {model='small', stages=['generate', 'brainstorm']}]"]


@pytest.mark.parametrize("slots", [4, 50, 333])
def test_models_keep_their_weights_within_every_family(slots):
    loaded = load_recipe("e5", MODELS)
    for source in loaded.sources:
        drawn = Counter(unit.model for unit in islice(instance_units(loaded, source, TASKS["short_long"]), slots))
        assert abs(drawn["big"] - 0.75 * slots) < 1
        assert drawn.total() == drawn["big"] + drawn["small"]


def test_a_stage_is_asked_of_the_models_that_serve_it_alone():
    loaded = load_recipe("e5", MODELS)
    lists = brainstorm_units(loaded, loaded.source("short_long"), 0, 9)
    assert {unit.model for unit in lists} == {"small"}


def test_a_single_model_stays_unnamed_so_that_another_can_take_its_place(e5):
    named = load_recipe("e5", ["llm.model=big", "llm.name=mine"])
    ours, theirs = (list(run_units(loaded, TASKS, 20)) for loaded in (e5, named))
    assert ours == theirs
    assert {unit.model for unit in ours} == {""}


def test_a_slot_asked_again_is_asked_of_the_same_model():
    loaded = load_recipe("e5", MODELS)
    for unit in run_units(loaded, TASKS, 20):
        assert again(unit, unit.slot, 2).model == unit.model
