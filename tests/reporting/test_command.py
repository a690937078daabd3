"""`triplesmith report`, from its words to its files."""

import pytest

from flows.cli import main
from tests.reporting.folder import make_run, numbered


@pytest.fixture
def runs(tmp_path):
    make_run(tmp_path / "one", [numbered(1)])
    make_run(tmp_path / "two", [numbered(2), numbered(3)])
    return tmp_path / "one", tmp_path / "two"


@pytest.fixture
def opened(monkeypatch):
    """Addresses that a browser was asked to open."""
    addresses: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: bool(addresses.append(url)) or "two" not in url)
    return addresses


def test_the_page_is_written_anew(runs, capsys, opened):
    assert main(["report", str(runs[0])]) == 0
    assert capsys.readouterr().out == f"look at {runs[0] / 'report.html'}\n"
    assert (runs[0] / "report.html").read_text().startswith("<!doctype html>")
    assert opened == []


def test_two_runs_go_onto_one_page(runs, capsys):
    assert main(["report", str(runs[0]), "--compare", str(runs[1])]) == 0
    assert capsys.readouterr().out == f"look at {runs[0] / 'report-beside-two.html'}\n"


def test_it_is_opened_on_request(runs, opened, capsys):
    assert main(["report", str(runs[0]), "--open"]) == 0
    assert opened == [(runs[0] / "report.html").as_uri()]
    assert main(["report", str(runs[1]), "--open"]) == 0
    assert "no browser was found" in capsys.readouterr().err


def test_a_folder_that_is_no_run_is_named(tmp_path, runs, capsys):
    assert main(["report", str(runs[0]), "--compare", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err == f"triplesmith: {tmp_path / 'none'}: no run there (manifest.json is missing)\n"
