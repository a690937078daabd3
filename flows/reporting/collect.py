"""Read a run folder into the numbers and rows that its report shows, streaming over the rows."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.domain.languages import language
from flows.domain.ledger import StageTally
from flows.store.jsonio import loads, read_lines
from flows.store.layout import Layout
from flows.store.ledger import read_ledger
from flows.store.manifest import read_manifest

MOST_ACCEPTED = 2000
MOST_REJECTED = 500
"""Rows that the page holds; a browser stays quick with them, and the page says how many of how many it shows."""


@dataclass(frozen=True, slots=True)
class Length:
    """Words asked for and found in one column of one family."""

    family: str
    column: str
    texts: int
    asked: float
    """Mean of the least words asked for."""
    found: float
    """Mean of the words found."""
    short: int
    """Texts below the least words asked for."""


@dataclass(frozen=True, slots=True)
class ReportData:
    """All that a report shows."""

    recipe: str
    model: str
    target: int
    accepted: int
    recorded: int
    """Accepted rows whose reply was replayed."""
    ledger: tuple[StageTally, ...]
    families: Mapping[str, int]
    languages: Mapping[str, int]
    """English name -> rows."""
    lengths: tuple[Length, ...]
    closeness: Mapping[str, int]
    """Character similarity of negative and positive, in tenths -> rows that have a negative."""
    requests: Mapping[str, int]
    """Family -> requests."""
    tokens: Mapping[str, tuple[int, int]]
    """Model -> tokens read and written."""
    rows: tuple[dict[str, Any], ...]
    """Accepted and rejected rows for the browser."""
    rejected: int
    """Units and rows that were rejected."""


def collect(layout: Layout, target: int) -> ReportData:
    """Read a run; `target` is the number of rows it was to accept."""
    manifest = read_manifest(layout)["parts"]
    families: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    closeness: Counter[str] = Counter({f"{tenth / 10:.1f}": 0 for tenth in range(10)})
    lengths: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    recorded = 0
    for row in _lines(layout, "curate", "shard"):
        families[row["family"]] += 1
        languages.update(language(code).name for code in {row["query_language"], row["document_language"]})
        recorded += row["generator"]["recorded"]
        if row["negatives"]:
            closeness[f"{min(9, int(row['measured']['negative_like_positive'] * 10)) / 10:.1f}"] += 1
        for column, bounds in (row["requested"].get("words") or {}).items():
            lengths[row["family"], column] += [(bounds[0], words) for words in row["measured"]["words"][column]]
    accepted = sum(families.values())
    ledger = tuple(read_ledger(layout))
    rejected = sum(sum(tally.dropped.values()) for tally in ledger if tally.name in ("generate", "curate"))
    shown = [
        *map(_accepted, _evenly(_lines(layout, "curate", "shard"), accepted, MOST_ACCEPTED)),
        *map(_rejected, _evenly(_all_rejected(layout), rejected, MOST_REJECTED)),
    ]
    requests, tokens = _spent(layout)
    return ReportData(
        recipe=manifest["recipe"].get("name", ""),
        model=manifest["llm"]["model"],
        target=target,
        accepted=accepted,
        recorded=recorded,
        ledger=ledger,
        families=dict(families.most_common()),
        languages=dict(languages.most_common()),
        lengths=tuple(_length(family, column, pairs) for (family, column), pairs in sorted(lengths.items()) if pairs),
        closeness=closeness,
        requests=requests,
        tokens=tokens,
        rows=tuple(shown),
        rejected=rejected,
    )


def _length(family: str, column: str, pairs: list[tuple[int, int]]) -> Length:
    count = len(pairs)
    asked, found = sum(pair[0] for pair in pairs) / count, sum(pair[1] for pair in pairs) / count
    return Length(family, column, count, round(asked, 1), round(found, 1), sum(a > b for a, b in pairs))


def _lines(layout: Layout, stage: str, kind: str) -> Iterator[Any]:
    for path in sorted(layout.stage(stage).glob(f"{kind}-*.jsonl")):
        yield from read_lines(path)


def _all_rejected(layout: Layout) -> Iterator[Any]:
    yield from _lines(layout, "generate", "dropped")
    yield from _lines(layout, "curate", "dropped")


def _evenly(lines: Iterable[Any], total: int, most: int) -> Iterator[Any]:
    """Yield at most `most` of `total` lines, spread over all of them."""
    step = max(1, -(-total // most))
    return (line for place, line in enumerate(lines) if place % step == 0)


def _spent(layout: Layout) -> tuple[dict[str, int], dict[str, tuple[int, int]]]:
    requests: Counter[str] = Counter()
    tokens: dict[str, tuple[int, int]] = {}
    paths = [path for stage in ("brainstorm", "generate") for path in sorted(layout.stage(stage).glob("tally-*.json"))]
    for path in paths:
        tally = loads(Path(path).read_bytes())
        requests.update(tally["requests"])
        for model, (read, written) in tally["tokens"].items():
            before = tokens.get(model, (0, 0))
            tokens[model] = (before[0] + read, before[1] + written)
    return dict(requests.most_common()), tokens


def _accepted(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "family": row["family"],
        "languages": [row["query_language"], row["document_language"]],
        "task": row["task"],
        "query": row["query"],
        "positives": [_text(text) for text in row["positives"]],
        "negatives": [_text(text) for text in row["negatives"]],
        "id": row["id"],
    }


def _text(text: Mapping[str, Any]) -> dict[str, Any]:
    return {"text": text["text"], "grade": text["grade"]}


def _rejected(dropped: Mapping[str, Any]) -> dict[str, Any]:
    content = dropped["content"]
    shown = (
        _accepted(content)
        if "positives" in content
        else {
            "family": content.get("family", ""),
            "languages": [],
            "task": content.get("variables", {}).get("task", ""),
            "query": content.get("reply") or "",
            "positives": [],
            "negatives": [],
            "id": dropped["id"],
        }
    )
    return {**shown, "reason": dropped["reason"], "detail": dropped["detail"]}
