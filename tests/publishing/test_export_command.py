"""`triplesmith export` on a run folder, as a user types it."""

import json
from dataclasses import replace

import pytest

from flows.cli import main
from flows.domain.records import Text
from flows.publishing.export import FORMATS
from flows.stages.publish import assemble
from flows.store.layout import Layout
from flows.store.lock import locked
from tests.factories import row
from tests.reporting.folder import make_run

LABELS = {"labels": True}


def numbered(number, **changes):
    words = ("oar", "keel", "rope", "mast", "sail", "deck", "bow", "hull", "helm", "knot")
    subject = f"{words[number % 10]} {number}"
    return replace(
        row(
            task=f"Find what a sailor needs to know about the {subject}",
            query=f"{subject} of a dinghy",
            positives=[f"What to know of the {subject} in {number} words"],
            negatives=[f"The {subject} of a bicycle"],
        ),
        **{"id": f"{number:016x}", "slot": number, **changes},
    )


ROWS = [
    *(numbered(n) for n in range(16)),
    *(numbered(n, negatives=()) for n in range(16, 18)),
    *(numbered(n, family="long_short", requested=LABELS, positives=(Text("good"),)) for n in range(18, 20)),
]


@pytest.fixture
def run(tmp_path):
    make_run(tmp_path / "run", ROWS, publish={"validation": 0.1, "test": 0.1})
    return tmp_path / "run"


def test_every_format_at_once(run, capsys):
    assert main(["export", str(run), "--format", *FORMATS, "--negatives", "1"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in said] == list(FORMATS)
    assert said[0] == (
        f"triplet: {run}/export/triplet, 18 lines in 3 files; it cannot hold 2 of 20 rows: 2 no_negative"
    )
    for name in FORMATS:
        assert (run / "export" / name / "README.md").is_file()


def test_exports_have_the_splits_of_the_published_set(run, tmp_path, capsys):
    assemble(Layout(run))
    assert main(["export", str(run), "--format", "jsonl", "--format", "csv", "--out", str(tmp_path / "out")]) == 0
    exported = {
        path.stem: [json.loads(line)["id"] for line in path.read_text().splitlines()]
        for path in (tmp_path / "out/jsonl").glob("*.jsonl")
    }
    assert {split: len(ids) for split, ids in exported.items()} == {"train": 16, "validation": 2, "test": 2}
    import pyarrow.parquet as pq

    for split, ids in exported.items():
        (path,) = (run / "publish/data/full").glob(f"{split}-*.parquet")
        assert pq.read_table(path)["id"].to_pylist() == ids
    assert (tmp_path / "out/csv/train.csv").is_file()


def test_options_reach_the_formats(run, tmp_path, capsys):
    words = ["--format", "triplet", "--out", str(tmp_path), "--instructions", "instruct", "--by-family"]
    assert main(["export", str(run), *words]) == 0
    files = sorted(path.name for path in (tmp_path / "triplet/data").iterdir())
    assert files == ["long_short_no_in_batch_neg", "short_long"]
    assert main(["export", str(run), "--format", "n-tuple", "--negatives", "2"]) == 0
    assert "it cannot hold 20 of 20 rows: 20 too_few_negatives" in capsys.readouterr().out


def test_without_a_format_they_are_listed(run, capsys):
    assert main(["export", str(run)]) == 0
    said = capsys.readouterr().out
    assert all(f"\n{name} " in said for name in FORMATS)


WRONG = {
    "no format for it": (["--format", "csv", "beir", "--by-family"], "--by-family is for triplet, pair"),
    "no scores in it": (
        ["--format", "pair", "--scorer", "me"],
        "--scorer is for scored, flag-embedding, tevatron: leave",
    ),
    "no negatives in it": (["--format", "beir", "--negatives", "3"], "--negatives is for n-tuple, scored"),
    "format": (["--format", "triplet", "parket"], "format 'parket': choose one of triplet, pair"),
    "style": (["--format", "csv", "--instructions", "loud"], "instructions 'loud': choose one of bare, instruct"),
}


@pytest.mark.parametrize(("words", "message"), WRONG.values(), ids=WRONG)
def test_wrong_use_is_one_line_and_writes_nothing(run, capsys, words, message):
    assert main(["export", str(run), *words]) == 2
    assert message in capsys.readouterr().err
    assert not (run / "export").exists()


def test_a_folder_that_is_no_run(tmp_path, capsys):
    assert main(["export", str(tmp_path), "--format", "csv"]) == 2
    assert "no run there" in capsys.readouterr().err


def test_a_run_without_rows(tmp_path, capsys):
    make_run(tmp_path, [])
    assert main(["export", str(tmp_path), "--format", "csv"]) == 2
    assert "no row is curated yet" in capsys.readouterr().err


def test_files_of_others_are_not_overwritten(run, tmp_path, capsys):
    (tmp_path / "out/csv").mkdir(parents=True)
    (tmp_path / "out/csv/thesis.tex").write_text("mine")
    assert main(["export", str(run), "--format", "csv", "--out", str(tmp_path / "out")]) == 2
    assert "holds other things than an earlier export" in capsys.readouterr().err
    assert (tmp_path / "out/csv/thesis.tex").read_text() == "mine"
    assert main(["export", str(run), "--format", "pair"]) == 0
    assert main(["export", str(run), "--format", "pair"]) == 0


def test_near_copies_are_in_one_split(tmp_path, capsys):
    query = "how do I splice the eye of a mooring rope made of nylon number {}"
    rows = [numbered(n, query=query.format(n)) for n in range(10)] + [numbered(n) for n in range(10, 20)]
    for near, together in ((0.8, True), (1.0, False)):
        root = tmp_path / str(near)
        make_run(root, rows, publish={"validation": 0.5, "near": near})
        assert main(["export", str(root), "--format", "pair"]) == 0
        import pyarrow.parquet as pq

        sides = [path.name for path in (root / "export/pair/data/pair").iterdir()
                 if any("splice" in text for text in pq.read_table(path)["anchor"].to_pylist())]  # fmt: skip
        assert (len(sides) == 1) == together


def test_a_split_that_stays_empty_is_said_on_the_card(tmp_path):
    query = "how do I splice the eye of a mooring rope made of nylon number {}"
    make_run(tmp_path / "run", [numbered(n, query=query.format(n)) for n in range(10)], publish={"validation": 0.2})
    assemble(Layout(tmp_path / "run"))
    card = (tmp_path / "run/publish/README.md").read_text(encoding="utf-8")
    assert "no row is in validation: shared tasks, texts or near-copied queries tie the rows to each other" in card


def test_a_run_that_is_being_worked_on_is_left_alone(run, capsys):
    with locked(Layout(run)):
        assert main(["export", str(run), "--format", "csv"]) == 2
    assert "another process is working on this run" in capsys.readouterr().err
