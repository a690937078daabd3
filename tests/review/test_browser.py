"""A review as a person does it: in a real browser, by keyboard, against the real command."""

import base64
import itertools
import signal

import pytest

from flows.store.ledger import read_ledger
from flows.store.reviews import kept_rows, read_reviews
from tests.browser import choose, press, texts, until
from tests.reporting.folder import dropped_row, make_run, numbered
from tests.review.command import review

EVIL = "<script>hacked = 1</script><img src=x onerror='hacked = 1'>"
ARABIC = "كم مرة يجب صيانة مضخة الماء"


@pytest.fixture
def layout(tmp_path):
    accepted = [
        numbered(1, query=f"anchor {EVIL}", task=EVIL),
        numbered(2, query=ARABIC, language="ar"),
        *[numbered(n, query=f"question number {n}") for n in range(3, 8)],
    ]
    return make_run(tmp_path / "run", accepted, [dropped_row(numbered(80, query="too much"), "too_long", EVIL)])


@pytest.fixture
def page(browser, layout):
    with review(layout) as (url, process):
        browser.get("about:blank")
        browser.get_log("browser")
        browser.get(url)
        until(browser, lambda: texts(browser, "#card .words"))
        choose(browser, "order", "run")
        until(browser, lambda: query(browser) == f"anchor {EVIL}")
        browser.process = process
        yield browser
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        assert browser.execute_script("return typeof hacked") == "undefined"
        assert browser.get_log("browser") == []


def query(page):
    return (texts(page, "#card .side.query + .words") or [None])[0]


def decided(page):
    return texts(page, "#counts")[0]


def test_rows_are_accepted_rejected_edited_and_undone_by_keyboard(page, layout):
    from selenium.webdriver import ActionChains, Keys

    press(page, "a")
    until(page, lambda: query(page) == ARABIC)
    assert page.execute_script("return getComputedStyle(document.querySelector('#card .words')).direction") == "rtl"
    press(page, "r")
    until(page, lambda: query(page) == "question number 3")
    press(page, "e", " really")
    ActionChains(page).key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(Keys.CONTROL).perform()
    until(page, lambda: query(page) == "question number 4")
    assert decided(page) == "3 of 8 decided: 1 accepted, 1 edited, 1 rejected"
    press(page, "r", "u")
    until(page, lambda: query(page) == "question number 4" and decided(page).startswith("3 of 8"))
    press(page, "e", "lost", Keys.ESCAPE)
    until(page, lambda: query(page) == "question number 4")
    press(page, "k", "k", "c")
    until(page, lambda: decided(page) == "2 of 8 decided: 1 accepted, 1 edited")
    press(page, "n")
    until(page, lambda: query(page) == "question number 4")
    assert [row.query for row in kept_rows(layout, read_reviews(layout))][2] == "question number 3 really"


def test_a_dropped_row_is_taken_back_and_the_data_set_assembled_at_the_end(page, layout):
    press(page, "r")
    until(page, lambda: query(page) == ARABIC)
    choose(page, "status", "dropped")
    until(page, lambda: query(page) == "too much")
    assert texts(page, "#card .detail") == [f"too long · {EVIL}"]
    press(page, "a")
    until(page, lambda: texts(page, "#card .nothing"))
    page.execute_script("document.getElementById('finish').click()")
    until(page, lambda: texts(page, "h1") == ["Done"])
    out, err = page.process.communicate(timeout=60)
    assert (page.process.returncode, err) == (0, "")
    assert "2 of 8 rows decided: 1 accepted, 0 edited, 1 rejected, 1 taken back" in out
    assert f"7 rows in {layout.publish}" in out
    tally = read_ledger(layout)[-1]
    assert (tally.name, tally.entered, tally.created, tally.out, tally.dropped) == ("publish", 7, 1, 7, {"reviewed": 1})


def test_a_verdict_survives_a_kill_and_a_server_that_is_gone_is_said(page, layout):
    press(page, "r")
    until(page, lambda: query(page) == ARABIC)
    page.process.send_signal(signal.SIGKILL)
    page.process.wait(timeout=30)
    press(page, "a")
    until(page, lambda: "start `triplesmith review` again" in (texts(page, "#trouble") or [""])[0])
    assert query(page) == ARABIC
    assert [entry["message"].count("ERR_CONNECTION_REFUSED") for entry in page.get_log("browser")] == [1]
    with review(layout) as (url, _):
        page.get(url)
        until(page, lambda: query(page) is not None)
        assert decided(page) == "1 of 8 decided: 1 rejected"
        assert texts(page, "#place") == ["1 of 6"]


def test_an_edit_is_not_lost_by_a_click_elsewhere(page):
    press(page, "e", "!")
    until(page, lambda: texts(page, "#card textarea"))
    for button in ("next", "previous", "reject", "undo", "finish"):
        assert page.execute_script("return document.getElementById(arguments[0]).disabled", button)
    page.execute_script("document.getElementById('accept').click()")
    until(page, lambda: query(page) == ARABIC)
    assert decided(page) == "1 of 8 decided: 1 edited"


def test_it_fits_the_window(page, tmp_path):
    press(page, "e", "!")
    page.execute_script("document.getElementById('accept').click()")
    until(page, lambda: query(page) == ARABIC)
    press(page, "k")
    until(page, lambda: texts(page, "#card s") == [f"anchor {EVIL}"])
    for width, scheme in itertools.product((1280, 400), ("light", "dark")):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        picture = page.execute_cdp_cmd("Page.captureScreenshot", {})["data"]
        (tmp_path / f"review-{width}-{scheme}.png").write_bytes(base64.b64decode(picture))
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
        wide = "return [...document.querySelectorAll('#actions button')].map((b) => b.scrollWidth - b.clientWidth)"
        assert set(page.execute_script(wide)) == {0}
