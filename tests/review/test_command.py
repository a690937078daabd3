import json
import signal
import urllib.request

import pytest
from datasets import load_dataset

from flows.cli import main
from flows.domain.reviews import Review
from flows.store.journal import Journal
from flows.store.ledger import read_ledger
from flows.store.lock import locked
from tests.reporting.folder import dropped_row, held_rows, make_run, numbered
from tests.review.command import review


@pytest.fixture
def layout(tmp_path):
    rows = [numbered(n, query=f"question {n}", task=f"task {n}") for n in range(1, 41)]
    return make_run(tmp_path / "run", rows, [dropped_row(numbered(90, query="too much"), "too_long", "44 words")])


def post(url, path, **body):
    base = "/".join(url.split("/")[:3])
    headers = {"Origin": base, "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url + path, json.dumps(body).encode(), headers)) as answer:
        return json.load(answer)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_assembles_the_data_set_with_the_verdicts(layout, tmp_path, end):
    with review(layout) as (url, process):
        post(url, "verdict", number=0, accept=False)
        post(url, "verdict", number=1, accept=True, query="better words")
        post(url, "verdict", number=40, accept=True)
        process.send_signal(end)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "3 of 41 rows decided: 1 accepted, 1 edited, 1 rejected, 1 taken back" in out
    full = load_dataset(str(layout.publish), "full", cache_dir=tmp_path / "cache")
    rows = {row["query"]: row for split in full.values() for row in split}
    assert len(rows) == 40
    assert {"question 1", "question 2"}.isdisjoint(rows)
    assert json.loads(rows["better words"]["measured"])["review"] == {"edited": ["query"]}
    assert json.loads(rows["too much"]["measured"])["review"] == {"edited": [], "dropped_for": "too_long"}
    tally = read_ledger(layout)[-1]
    assert (tally.entered, tally.created, tally.out, tally.dropped) == (40, 1, 40, {"reviewed": 1})
    assert tally.balanced
    assert "reviewed" in (layout.publish / "README.md").read_text()


def test_the_report_shows_rows_as_the_review_left_them(layout):
    from flows.reporting.collect import collect

    with Journal(layout.verdicts) as journal:
        journal.append(f"{1:016x}", Review(False).to_json())
        journal.append(f"{90:016x}", Review(True, query="shorter").to_json())
    data = collect(layout)
    assert (data.accepted, data.rejected) == (40, 1)
    rows = {row["id"]: row for row in held_rows(data)}
    assert (rows[f"{1:016x}"]["stage"], rows[f"{1:016x}"]["reason"]) == ("publish", "reviewed")
    assert rows[f"{90:016x}"]["query"] == "shorter"
    assert rows[f"{90:016x}"]["review"] == {"edited": ["query"], "dropped_for": "too_long"}


def test_a_review_without_a_verdict_changes_nothing(layout):
    before = layout.ledger.read_bytes()
    with review(layout) as (_, process):
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "0 of 41 rows decided" in out
    assert layout.ledger.read_bytes() == before
    assert not layout.publish.exists()


def test_every_row_rejected_is_told_and_nothing_is_assembled(tmp_path, capsys):
    layout = make_run(tmp_path / "run", [numbered(1)])
    with review(layout) as (url, process):
        post(url, "verdict", number=0, accept=False)
        post(url, "finish")
        _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert (
        err == f"triplesmith: {layout.root}: every row is rejected in review; take one back with `triplesmith review`\n"
    )


def test_wrong_uses_are_named(tmp_path, layout, capsys):
    assert main(["review", str(tmp_path / "none"), "--no-open"]) == 2
    assert "no run there" in capsys.readouterr().err
    with locked(layout):
        assert main(["review", str(layout.root), "--no-open"]) == 2
    assert "another process is working on this run" in capsys.readouterr().err
    with review(layout) as (url, _):
        taken = url.split(":")[2].split("/")[0]
        other = make_run(tmp_path / "other", [numbered(1)])
        assert main(["review", str(other.root), "--no-open", "--port", taken]) == 2
    assert f"port {taken} of 127.0.0.1 cannot be used" in capsys.readouterr().err
