import pytest

from flows.errors import StoreError, UsageError
from flows.reporting import pack
from flows.reporting.collect import collect
from flows.reporting.data import Part
from flows.store.layout import Layout
from tests.reporting.folder import bytes_of, dropped_row, dropped_unit, held_rows, make_run, numbered


def test_parts_stand_beside_what_the_recipe_asks_for(tmp_path):
    layout = make_run(tmp_path / "run", [numbered(1), numbered(2), numbered(3, family="sts")])
    data = collect(layout)
    assert data.families == (Part("short_long", "short_long", 2, 3.0), Part("sts", "sts", 1, 1.0))
    assert data.languages == (Part("en", "English", 3, 3.0), Part("ar", "Arabic", 0, 1.0))
    assert data.cells == {"short_long": {"en": 2}, "sts": {"en": 1}}
    assert (data.target, data.accepted, data.rejected) == (4, 3, 0)


def test_the_account_of_the_models_is_shown_as_the_ledger_has_it(tmp_path):
    data = collect(make_run(tmp_path / "run", [numbered(1), numbered(2)], [dropped_row(numbered(3), "too_long", "")]))
    (account,) = data.models
    assert (account.name, account.asked, account.accepted, account.dropped) == ("m", 3, 2, {"too_long": 1})
    assert (account.tokens_in, account.tokens_out, account.cost) == (4_000_000, 200_000, 6.0)
    assert data.requests == {"short_long": 3, "sts": 2}


def test_what_does_not_fit_is_sampled_and_every_reason_is_among_it(tmp_path):
    often = [dropped_row(numbered(100 + n), "too_long", "too long") for n in range(20)]
    rare = dropped_row(numbered(200), "refusal", "opens with 'I cannot'")
    accepted = [numbered(n) for n in range(10)]
    layout = make_run(tmp_path / "run", accepted, [*often, rare], [dropped_unit(300, "not_json", "Sure")])
    dropped = sum(bytes_of(layout, stage, "dropped") for stage in ("brainstorm", "generate", "curate"))
    data = collect(
        layout, most_accepted=bytes_of(layout, "curate", "shard") * 45 // 100, most_rejected=dropped * 3 // 10
    )
    rows = held_rows(data)
    assert [row["id"] for row in rows if "reason" not in row] == [f"{n:016x}" for n in (2, 4, 7, 9)]
    assert [row["reason"] for row in rows if "reason" in row] == ["not_json", *["too_long"] * 4, "refusal"]
    assert (data.accepted, data.rejected) == (10, 22)


def test_the_twin_of_a_held_duplicate_is_held_too(tmp_path):
    twin = dropped_row(numbered(99, query="again"), "duplicate", f"same query and positive as {3:016x}")
    layout = make_run(tmp_path / "run", [numbered(n) for n in range(10)], [twin])
    data = collect(layout, most_accepted=bytes_of(layout, "curate", "shard") // 9)
    assert [row["id"] for row in held_rows(data)] == [f"{n:016x}" for n in (3, 9, 99)]
    assert held_rows(data)[-1]["links"] == [f"{3:016x}"]
    assert [(pair.kept, pair.dropped) for pair in data.twins] == [(numbered(3).query, "again")]


def test_filters_find_their_columns_beside_the_packed_rows(tmp_path):
    accepted = [numbered(1), numbered(2, family="sts", language="ar"), numbered(3, negatives=())]
    data = collect(make_run(tmp_path / "run", accepted, [dropped_row(numbered(4), "too_long", "long")]))
    columns = {name: [column.values[code] for code in column.codes] for name, column in data.held.coded.items()}
    assert columns == {
        "family": ["short_long", "sts", "short_long", "short_long"],
        "languages": ["en", "ar", "en", "en"],
        "model": ["m"] * 4,
        "reason": ["", "", "", "curate too_long"],
    }
    assert data.held.numbers["words"] == [15, 15, 14, 15]
    assert data.held.numbers["alike"][2] == -1
    assert sum(data.held.sizes) == 4


def test_many_rows_go_into_many_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(pack, "BLOCK_BYTES", 10_000)
    data = collect(make_run(tmp_path / "run", [numbered(n) for n in range(120)]))
    assert len(data.held.blocks) > 1
    assert sum(data.held.sizes) == 120
    assert [row["id"] for row in held_rows(data)] == [f"{n:016x}" for n in range(120)]


def test_a_run_that_asked_but_accepted_nothing_can_be_read(tmp_path):
    data = collect(make_run(tmp_path / "run", [], [], [dropped_unit(1, "not_json", None)]))
    assert (data.accepted, data.rejected, data.lengths, data.hardness) == (0, 1, (), ())


def test_a_folder_without_a_run_is_named(tmp_path):
    with pytest.raises(UsageError, match="no run there"):
        collect(Layout(tmp_path))


def test_a_missing_recipe_is_named(tmp_path):
    layout = make_run(tmp_path / "run", [])
    layout.recipe.unlink()
    with pytest.raises(UsageError, match=r"run\.toml is missing"):
        collect(layout)


def test_a_damaged_shard_is_named_with_its_line(tmp_path):
    layout = make_run(tmp_path / "run", [numbered(1)])
    with layout.rows("curate", 0).open("a") as file:
        file.write('{"id": \n')
    with pytest.raises(StoreError, match="line 2 is damaged"):
        collect(layout)
