import json
import re

import pytest

from flows.recipes.load import builtin_prompts
from flows.reporting.collect import collect
from flows.reporting.page import render, write_comparison, write_report
from flows.store.layout import Layout
from tests.reporting.folder import dropped_row, dropped_unit, held_rows, make_run, numbered

TEMPLATES = builtin_prompts() / "report"


def held(page: str):
    """The data that a page holds, as a browser would cut it out."""
    return json.loads(re.search(r'id="data">(.*?)</script', page, re.DOTALL)[1])


def test_equal_runs_give_equal_bytes_wherever_they_are(tmp_path):
    pages = [write_report(make_run(tmp_path / name, [numbered(1)]), TEMPLATES).read_bytes() for name in ("a", "b")]
    assert pages[0] == pages[1]
    assert str(tmp_path).encode() not in pages[0]


def test_the_page_fetches_nothing(tmp_path):
    page = write_report(make_run(tmp_path / "run", [numbered(1)]), TEMPLATES).read_text()
    shell = re.sub(r'(id="data"|class="block")>.*?</script', "", page, flags=re.DOTALL)
    assert not re.findall(r"https?://|@import|url\(|\bfetch\(|XMLHttpRequest|import\(", shell)
    assert "default-src 'none'" in shell


@pytest.mark.parametrize(
    "text",
    ["</script><script>alert(1)</script>", "<!-- <script>", "]]>", "\u2028\u2029\x00", "a\\", "{{ 7 * 7 }}", "\ud83d"],
    ids=["script", "comment", "cdata", "separators", "backslash", "template", "lone surrogate"],
)
def test_whatever_a_model_wrote_stays_inside_the_data(tmp_path, text):
    said = f"start {text} end"
    twin = dropped_row(numbered(2, query=said), "duplicate", f"same query and positive as {1:016x}")
    data = collect(make_run(tmp_path / "run", [numbered(1, query=said)], [twin]))
    page = "".join(render([data], TEMPLATES))
    assert held_rows(data)[0]["query"] == said
    assert held(page)["runs"][0]["twins"][0]["dropped"] == said
    assert page.lower().count("</script") == 3


def test_the_recipes_words_are_escaped(tmp_path):
    layout = make_run(tmp_path / "run", [numbered(1)], description="</script><b>bold</b>", name="boats")
    page = write_report(layout, TEMPLATES).read_text()
    assert "<title>boats · triplesmith report</title>" in page
    assert "<b>" not in page


def test_a_comparison_is_written_beside_the_report(tmp_path):
    first = make_run(tmp_path / "first", [numbered(1)], [], [dropped_unit(9, "not_json", "no")])
    second = make_run(tmp_path / "<second>", [numbered(2), numbered(3)])
    path = write_comparison(first, second, TEMPLATES)
    assert path == tmp_path / "first" / "report-beside-<second>.html"
    page = path.read_text()
    assert [run["accepted"] for run in held(page)["runs"]] == [1, 2]
    assert held(page)["names"] == ["first", "<second>"]
    assert "<title>first beside &lt;second&gt;" in page


def test_a_run_is_named_by_its_folder_even_from_inside_it(tmp_path, monkeypatch):
    make_run(tmp_path / "first", [numbered(1)])
    second = make_run(tmp_path / "second", [numbered(2)])
    monkeypatch.chdir(tmp_path / "first")
    assert held(write_comparison(Layout(type(tmp_path)(".")), second, TEMPLATES).read_text())["names"][0] == "first"
