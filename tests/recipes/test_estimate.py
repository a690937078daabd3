import pytest

from flows.recipes.estimate import cost, estimate, price_of, samples
from flows.recipes.load import load_recipe
from flows.recipes.model import Price


def test_requests_are_rows_and_lists():
    entries = {entry.family: entry for entry in estimate(load_recipe("e5", rows=1000))}
    assert sum(entry.rows for entry in entries.values()) == 1000
    assert entries["sts"].requests == entries["sts"].rows
    assert entries["short_long"].requests == entries["short_long"].rows + 9
    assert entries["short_long"].tokens_out > 5 * entries["sts"].tokens_out / entries["sts"].rows


def test_tokens_grow_with_rows():
    small, large = (sum(e.tokens_in for e in estimate(load_recipe("e5", rows=rows))) for rows in (200, 2000))
    assert large == pytest.approx(10 * small, rel=0.1)


def test_cost_is_tokens_times_price():
    entries = estimate(load_recipe("e5", rows=100))
    read, written = sum(e.tokens_in for e in entries), sum(e.tokens_out for e in entries)
    assert cost(entries, Price(input=1.0, output=3.0)) == pytest.approx((read + 3 * written) / 1e6)


def test_the_longest_name_has_the_price():
    prices = {"gpt-4o": Price(input=2, output=8), "gpt-4o-mini": Price(input=1, output=2)}
    assert price_of(prices, "gpt-4o-mini-2026") == prices["gpt-4o-mini"]
    assert price_of(prices, "gpt-4o") == prices["gpt-4o"]
    assert price_of(prices, "llama") is None


def test_three_samples_are_whole_prompts():
    texts = [text for _, text in samples(load_recipe("e5"))]
    assert len(texts) == 3
    assert all("Parameters of this example" in text and "{{" not in text for text in texts)
