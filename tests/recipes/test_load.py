import re
from pathlib import Path

import pytest

from flows.errors import StoreError, UsageError
from flows.recipes.folder import read_recipe
from flows.recipes.load import builtin_prompts, load_recipe, recipe_names
from flows.store.layout import Layout

MINIMAL = """
name = "mine"
description = "a test"
rows = 10
[languages]
en = 0.5
de = 0.5
[families.sts]
share = 1.0
prompt = "e5/sts"
"""


def write(folder: Path, text: str = MINIMAL) -> str:
    path = folder / "mine.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("name", recipe_names())
def test_every_shipped_recipe_loads(name):
    assert load_recipe(name).recipe.name == name


def test_e5_keeps_the_papers_proportions_and_values():
    loaded = load_recipe("e5")
    paper = {"short_long": 167, "long_short": 122, "sts": 99, "bitext": 89, "long_long": 17, "short_short": 13}
    shares = {name: family.share for name, family in loaded.recipe.families.items()}
    for name, thousands in paper.items():
        assert shares[name] == pytest.approx(thousands / 507, abs=0.0005)
    values = {
        (source.name, axis.name): [value.value for value in axis.values]
        for source in loaded.sources
        for axis in source.prompt.axes
    }
    assert values["short_long", "query_length"] == ["less than 5 words", "5 to 15 words", "at least 10 words"]
    assert values["short_long", "num_words"] == [50, 100, 200, 300, 400, 500]
    assert values["short_long", "difficulty"] == ["high school", "college", "PhD"]
    assert values["sts", "low_score"] == [2.5, 3, 3.5]
    assert values["bitext", "low_score"] == [1.5, 2, 2.5]
    assert values["sts", "high_score"] == values["bitext", "high_score"] == [4, 4.5, 5]
    (llm,) = loaded.recipe.llm
    assert llm.temperature == llm.top_p == 1.0


def test_e5_languages():
    languages = load_recipe("e5").recipe.languages
    assert len(languages) == 93
    assert languages["en"] == 0.431
    big = sorted(languages, key=languages.get)[-14:-1]
    assert {*big} == {*"pl ja it ru id de fa es zh fr pt ar nl".split()}
    assert all(0.027 <= languages[code] <= 0.030 for code in big)
    assert sum(sorted(languages.values())[:79]) == pytest.approx(0.198, abs=0.001)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("typo = 1", r"typo: unknown key; known here: .*rows"),
        ("[[llm]]\nmodel = 'a'\n[[llm]]\nmodel = 'a'", "several entries need a name or model each, all different"),
        ("[[llm]]\nmodel = 'a'\n[[llm]]\n", "several entries need a name or model each, all different"),
        ("[[llm]]\nstages = ['generate']", "no entry serves the stage 'brainstorm'"),
        ("[[llm]]\nweight = 0.0", r"llm.0.weight: .*greater than 0"),
        ("[llm]\ntemprature = 1", r"llm\.0\.temprature: unknown key; known here: .*temperature"),
        ("[limits]\nrequests_per_row = 'many'", r"limits\.requests_per_row: .*valid number.*'many'"),
        ("[families.two]\nshare = 0.5\nprompt = 'e5/sts'", r"families: the shares sum to 1\.5, they must sum to 1"),
        ("[families.sts.axes.unit]\nword = 1.0", r"families\.sts\.axes\.unit: no value 'word'; known: sentence"),
        ("[families.sts.axes.unit]\nsentence = 0.4", r"families\.sts\.axes\.unit: the weights sum to 0\.4"),
        ("[families.sts.axes.size]\nbig = 1.0", r"families\.sts\.axes\.size: e5/sts has no such axis"),
    ],
    ids="key twins nameless stage weight nested-key type families axis-value axis-weights axis".split(),
)
def test_a_wrong_recipe_is_refused_with_file_and_key(tmp_path, change, complaint):
    table, top = (change, "") if change.startswith("[") else ("", change)
    with pytest.raises(UsageError) as caught:
        load_recipe(write(tmp_path, f"{top}\n{MINIMAL}\n{table}"))
    message = str(caught.value)
    assert message.startswith(str(tmp_path / "mine.toml"))
    assert re.search(complaint, message)
    assert "\n" not in message


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("e5/sts", "e5/nothing", "prompt 'e5/nothing' is missing"),
        ("e5/sts", "../secret", "must stay inside the prompt folder"),
        ("e5/sts", "e5/tasks_short_long", "it does not write rows"),
        ("e5/sts", "e5/short_long", "needs a brainstormed task"),
        ("de = 0.5", "xx = 0.5", "xx"),
        ("de = 0.5", "de = 0.4", "languages: the shares sum to 0.9"),
        ("rows = 10", "rows = 0", "rows: input should be greater than or equal to 1"),
        ("rows = 10", "rows = 'ten'", "rows: input should be a valid integer"),
        ('name = "mine"', "", "name: missing"),
        ('name = "mine"', "name = ", "not valid TOML"),
    ],
)
def test_other_mistakes(tmp_path, old, new, complaint):
    with pytest.raises(UsageError, match=re.escape(complaint)):
        load_recipe(write(tmp_path, MINIMAL.replace(old, new)))


def test_an_unknown_recipe_lists_the_known_ones():
    with pytest.raises(UsageError, match=r"'nope' is unknown; there are .*e5.*quickstart"):
        load_recipe("nope")


def test_changes_and_overrides_take_effect(tmp_path):
    changes = ["llm.temperature=0.5", "publish.license=mit", "languages={en=0.5,fr=0.5}"]
    recipe = load_recipe(write(tmp_path), changes, rows=7, seed=None).recipe
    assert (recipe.rows, recipe.seed, recipe.llm[0].temperature, recipe.publish.license) == (7, 0, 0.5, "mit")
    assert [*recipe.languages] == ["en", "fr"]


@pytest.mark.parametrize("change", ["rows", "=3", "rows.more=3"])
def test_a_change_that_cannot_be_is_refused(tmp_path, change):
    with pytest.raises(UsageError, match="--set"):
        load_recipe(write(tmp_path), [change])


def test_prompts_beside_the_recipe_hide_the_shipped_ones(tmp_path):
    (tmp_path / "e5").mkdir()
    text = (builtin_prompts() / "e5" / "sts.md").read_text().replace("semantic similarity", "likeness")
    (tmp_path / "e5" / "sts.md").write_text(text)
    assert "likeness" in load_recipe(write(tmp_path)).source("sts").prompt.body


def test_the_recipe_of_a_run_of_another_version_is_named(tmp_path):
    layout = Layout(tmp_path)
    with pytest.raises(UsageError, match=r"no run there \(run.toml is missing\)"):
        read_recipe(layout)
    layout.recipe.write_text('name = "old"\n[curate]\ngone = 1\n')
    with pytest.raises(UsageError, match=r"run\.toml: .*: another version of triplesmith made this run"):
        read_recipe(layout)
    layout.recipe.write_text("name = \n")
    with pytest.raises(StoreError, match=r"run\.toml: is damaged"):
        read_recipe(layout)
