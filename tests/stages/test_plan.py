import pytest

from flows.domain.units import Unit
from flows.stages.generate import Slots
from flows.stages.plan import Ask, read_plan, read_rounds, request_cap, within_cap, write_round
from flows.store.layout import Layout


def units(family, count):
    return [Unit("generate", family, slot, 0, "e5/sts", {"sample": slot + 1}) for slot in range(count)]


def test_rounds_come_back_as_they_were_planned(tmp_path):
    layout = Layout(tmp_path)
    first = write_round(layout, "generate", map(Ask, units("a", 5)), shard_units=2, rows=5)
    second = write_round(layout, "generate", [Ask(units("b", 1)[0], calls=1)], shard_units=2, rows=5)
    assert read_rounds(layout, "generate") == [first, second]
    assert ([*first.numbers], [*second.numbers], first.units) == ([0, 1, 2], [3], 5)
    planned = [ask for shard in first.numbers for ask in read_plan(layout, "generate", shard)]
    assert planned == [Ask(unit) for unit in units("a", 5)]
    assert read_plan(layout, "generate", 3)[0].calls == 1


def test_plans_without_their_round_do_not_count(tmp_path):
    layout = Layout(tmp_path)
    write_round(layout, "generate", map(Ask, units("a", 5)), shard_units=2, rows=5)
    layout.round("generate", 0).unlink()
    again = write_round(layout, "generate", map(Ask, units("a", 3)), shard_units=2, rows=5)
    assert (read_rounds(layout, "generate"), [*again.numbers]) == ([again], [0, 1])


@pytest.mark.parametrize(
    ("left", "asked", "calls"),
    [(20, 10, 2), (19, 10, 1), (10, 10, 1), (4, 4, 1), (0, 0, None)],
)
def test_the_cap_holds_even_if_every_unit_is_asked_twice(left, asked, calls):
    asks = list(within_cap(units("a", 10), {"a": 10}, {"a": left}))
    assert len(asks) == asked
    assert {ask.calls for ask in asks} == ({calls} if calls else set())
    assert sum(ask.calls for ask in asks) <= left


def test_a_tiny_family_may_still_ask_a_few_times():
    assert (request_cap(1, 2.0), request_cap(100, 2.0), request_cap(100, 1.5)) == (8, 200, 150)


def test_slots_know_what_is_missing():
    slots = Slots.empty({"a": 3, "b": 1})
    slots.fill("a", 1)
    slots.fill("b", 0)
    assert slots.missing == {"a": 2}
    assert [slots.is_open(unit) for unit in units("a", 3)] == [True, False, True]
