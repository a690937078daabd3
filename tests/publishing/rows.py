"""Rows to publish."""

from dataclasses import replace

from flows.domain.records import Generator, Row, Text

GENERATOR = Generator(model="some-model", prompt="e5/short_long@1+0badcafe", tokens_in=300, tokens_out=200)


def make_row(number: int, **changes) -> Row:
    row = Row(
        id=f"{number:016x}",
        family="short_long",
        slot=number,
        attempt=0,
        task=f"Task number {number}",
        instruction=f"Task number {number}",
        query=f"query {number}",
        positives=(Text(f"positive {number}"),),
        negatives=(Text(f"negative {number}"),),
        query_language="en",
        document_language="en",
        generator=GENERATOR,
        requested={"num_words": 50, "words": {"query": [5, 15]}},
        measured={"words": 3},
        split="train",
    )
    return replace(row, **changes)


def graded_row(number: int, high: float = 4.5, low: float = 2.5, **changes) -> Row:
    return make_row(
        number,
        family="sts",
        positives=(Text(f"close {number}", grade=high, scores={"requested": (high - 1) / 4}),),
        negatives=(Text(f"far {number}", grade=low, scores={"requested": (low - 1) / 4}),),
        symmetric=True,
        **changes,
    )
