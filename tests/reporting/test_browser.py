"""The report as a person sees it: in a real browser, by mouse and keyboard."""

import base64
import json

import pytest

from flows.domain.records import Text
from flows.recipes.load import builtin_prompts
from flows.reporting import pack
from flows.reporting.page import write_comparison, write_report
from tests.browser import choose, focused, press, texts, until
from tests.reporting.folder import dropped_row, dropped_unit, make_run, numbered

TEMPLATES = builtin_prompts() / "report"
EVIL = "<script>hacked = 1</script><img src=x onerror='hacked = 1'></script><script>hacked = 1</script>"
ARABIC = "كم مرة يجب صيانة مضخة الماء"


def graded(number, **changes):
    return numbered(
        number, family="sts", positives=(Text("close", grade=4.5),), negatives=(Text("far", grade=2),), **changes
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def layout(folder):
    accepted = [
        numbered(1, query=f"anchor {EVIL}", task=EVIL),
        numbered(2, query=ARABIC, language="ar"),
        graded(3, query="锚应该多久检查一次", language="zh"),
        *[numbered(n, query=f"question number {n}") for n in range(10, 70)],
    ]
    twin = numbered(80, query="question number ten")
    dropped = [
        dropped_row(twin, "near_duplicate", f"query 0.93 like that of {10:016x}"),
        dropped_row(numbered(81), "too_long", "query: 44 words, at most 15 asked for"),
    ]
    return make_run(folder / "run", accepted, dropped, [dropped_unit(90, "not_json", f"Sure! {EVIL}")], rows=65)


@pytest.fixture
def page(browser, layout):
    """The opened report, and a check that the browser had nothing to complain of."""
    browser.get("about:blank")
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.get(write_report(layout, TEMPLATES).as_uri())
    settled(browser)
    yield browser
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert browser.execute_script("return typeof hacked") == "undefined"
    assert browser.get_log("browser") == []


def pick(page, control, value):
    choose(page, control, value)
    settled(page)


def settled(page):
    """Wait until the list shows what was asked for last."""
    until(page, lambda: page.execute_script("return document.getElementById('list').ariaBusy") == "false")


def queries(page):
    settled(page)
    return texts(page, "#list .side.query + .words")


def test_nothing_but_the_page_itself_is_loaded(page):
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    asked = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert [url.partition(":")[0] for url in asked if not url.startswith("data:")] == ["file"]


def test_the_figures_are_those_of_the_run(page):
    assert texts(page, ".tiles dd")[0] == "63of 65"
    assert texts(page, ".stage b") == ["65", "66", "65", "63", "63"]
    assert texts(page, "#contents .bars")[0].startswith("Rows by family" + "short_long" + "62")
    cells = ["m", "66", "63", "95 %", "67", "4M", "200,000", "$6.00", "$0.0952"]
    assert texts(page, "#spending tr:nth-child(1) > *")[9:18] == cells
    assert texts(page, "#spending .tag") == ["1 near duplicate", "1 not json", "1 too long"]
    assert texts(page, "#pace .soft")[1] == "11 replies in 6 s · 1.8 a second, at most 8.0"
    assert texts(page, "#duplicates .pairs .words") == ["question number 10", "question number ten"]


def test_model_text_is_text(page):
    assert queries(page)[0] == f"anchor {EVIL}"
    assert page.execute_script("return document.querySelectorAll('#list script, #list img').length") == 0


def test_texts_name_their_language_and_run_its_way(page):
    script = """return [...document.querySelectorAll('#list .side.query + .words')].slice(1, 3)
        .map((e) => [e.lang, e.dir, getComputedStyle(e).direction])"""
    assert page.execute_script(script) == [["ar", "auto", "rtl"], ["zh", "auto", "ltr"]]


def test_rows_are_filtered_by_family_language_and_reason(page):
    pick(page, "family", "sts")
    assert queries(page) == ["锚应该多久检查一次"]
    pick(page, "family", "")
    pick(page, "language", "ar")
    assert queries(page) == [ARABIC]
    pick(page, "language", "")
    pick(page, "reason", "curate too_long")
    assert texts(page, "#list .detail") == ["too long · curate · query: 44 words, at most 15 asked for"]
    pick(page, "family", "sts")
    assert texts(page, "#list li") == []
    assert texts(page, "#count") == ["No row fits: clear a filter, or search for less."]


def test_a_reason_of_the_funnel_leads_to_its_rows(page):
    page.execute_script(
        "[...document.querySelectorAll('.tag')].find((a) => a.textContent.includes('not json')).click()"
    )
    until(page, lambda: len(texts(page, "#list li")) == 1)
    assert texts(page, "#list .reply") == [f"Sure! {EVIL}"]


def test_the_row_that_a_duplicate_repeats_is_one_click_away(page):
    pick(page, "reason", "curate near_duplicate")
    page.execute_script("document.querySelector('#list .detail a').click()")
    until(page, lambda: "question number 10" in queries(page))
    assert queries(page) == ["question number 10", "question number ten"]


def test_search_finds_all_words_anywhere_and_marks_them(page):
    press(page, "/")
    press(page, "NUMBER 55")
    until(page, lambda: queries(page) == ["question number 55"])
    assert texts(page, "#list .side.query + .words mark") == ["number", "55"]
    from selenium.webdriver import Keys

    press(page, Keys.ESCAPE)
    assert len(queries(page)) == 40
    assert page.execute_script("return document.getElementById('search').value") == ""


def test_the_keyboard_walks_the_rows_and_opens_one(page):
    from selenium.webdriver import Keys

    press(page, "j", "j", "j", "k")
    until(page, lambda: ARABIC in focused(page))
    press(page, Keys.ENTER)
    until(page, lambda: texts(page, "#list details[open] dd")[-1:] == [f"{2:016x}"])
    press(page, *"j" * 45)
    until(page, lambda: "question number 53" in focused(page))
    assert len(texts(page, "#list li")) > 40


def places(page):
    """Where the rows that exist in the list stand among all that fit."""
    return [int(text.replace(",", "")) for text in texts(page, "#list .place")]


def test_of_a_long_list_only_the_part_in_view_exists(browser, folder, monkeypatch):
    monkeypatch.setattr(pack, "BLOCK_BYTES", 100_000)
    many = [numbered(n, query=f"question number {n}") for n in range(1000)]
    path = write_report(make_run(folder / "many", many, rows=1000), TEMPLATES)
    assert path.read_text().count('class="block"') > 3
    browser.get(path.as_uri())
    settled(browser)
    assert places(browser) == [*range(1, 41)]
    to_the_end = "document.querySelector('#list > li:last-child').scrollIntoView({ behavior: 'instant' })"
    until(browser, lambda: browser.execute_script(to_the_end) or places(browser)[-1] >= 500)
    there = places(browser)
    assert len(there) <= 240
    assert there == [*range(there[0], there[-1] + 1)]
    until(browser, lambda: browser.execute_script("return document.getElementById('earlier').hidden") is False)
    press(browser, "G")
    until(browser, lambda: "question number 999" in focused(browser))
    press(browser, "k", "k")
    until(browser, lambda: "question number 997" in focused(browser))
    press(browser, "g")
    until(browser, lambda: "question number 0" in focused(browser))
    pick(browser, "place", "500")
    until(browser, lambda: "question number 499" in focused(browser))
    pick(browser, "order", "long")
    press(browser, "/")
    press(browser, "NUMBER 770")
    until(browser, lambda: queries(browser) == ["question number 770"])
    assert texts(browser, "#count") == ["1 of the 1,000 rows that this page holds"]
    assert browser.get_log("browser") == []


def test_the_theme_follows_the_system_until_it_is_chosen(page):
    ground = "return getComputedStyle(document.body).backgroundColor"
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    )
    dark = page.execute_script(ground)
    page.execute_script("document.getElementById('theme').click()")
    light = page.execute_script(ground)
    assert dark != light
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    page.execute_script("document.getElementById('theme').click()")
    assert page.execute_script(ground) == dark
    page.execute_script("localStorage.clear()")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_it_fits_the_window(page, tmp_path, width, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    size = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    picture = page.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})["data"]
    (tmp_path / f"report-{width}-{scheme}.png").write_bytes(base64.b64decode(picture))
    assert page.execute_script("return document.documentElement.scrollWidth") <= width


def test_a_run_that_is_not_finished_says_so(browser, folder):
    unfinished = make_run(folder / "unfinished", [], [], [dropped_unit(1, "not_json", "no")])
    unfinished.ledger.unlink()
    browser.get(write_report(unfinished, TEMPLATES).as_uri())
    settled(browser)
    assert texts(browser, ".note") == ["This run is not finished: the page shows what is there so far."]
    assert texts(browser, "#list .reply") == ["no"]
    assert browser.get_log("browser") == []


def test_two_runs_stand_side_by_side(browser, layout, folder):
    other = make_run(folder / "other", [numbered(500, query="another question")], rows=3)
    browser.get(write_comparison(layout, other, TEMPLATES).as_uri())
    assert texts(browser, "header tbody tr")[0] == "rows accepted631−98 %"
    assert texts(browser, "#funnel h3") == ["run", "other"]
    assert "rows653" in texts(browser, "#settings .part tr")
    pick(browser, "run", "1")
    assert queries(browser) == ["another question"]
    assert browser.get_log("browser") == []
