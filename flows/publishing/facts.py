"""What a data set knows of its making, as a file beside the card: `triplesmith.json`.

A growing set adds the facts of every run to those that its repository holds, and its card is rendered from the sum.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from flows.domain.ledger import BenchmarkAccount, StageTally
from flows.publishing.card import CardFacts, render_card
from flows.publishing.parquet import Size, Written
from flows.publishing.survey import Survey

CARD = "README.md"
FACTS = "triplesmith.json"


def write_card(folder: Path, facts: CardFacts, template: str) -> None:
    """Write the card and the facts beside the data files of `folder`; raises OSError."""
    facts = replace(facts, runs=(data_digest(folder),))
    (folder / CARD).write_text(render_card(facts, template), encoding="utf-8")
    (folder / FACTS).write_bytes(dump_facts(facts))


def data_digest(folder: Path) -> str:
    """Give a digest of all data files, by which a run is known again."""
    every = sha256()
    for path in sorted((folder / "data").rglob("*.parquet")):
        with path.open("rb") as file:
            every.update(f"{path.relative_to(folder).as_posix()}\n{file_digest(file, 'sha256').hexdigest()}\n".encode())
    return every.hexdigest()[:16]


def dump_facts(facts: CardFacts) -> bytes:
    """Encode facts; the same facts give the same bytes."""
    data = {
        **{name: getattr(facts, name) for name in _PLAIN},
        "runs": facts.runs,
        "made": facts.made,
        "written": [
            {
                "config": config.name,
                "columns": [[name, kind] for name, kind in config.columns.items()],
                "about": config.about,
                "splits": {split: asdict(size) for split, size in config.splits.items()},
                "unfit": dict(config.unfit),
            }
            for config in facts.written
        ],
        "ledgers": {run: [tally.to_json() for tally in ledger] for run, ledger in facts.ledgers.items()},
        "benchmarks": [account.to_json() for account in facts.benchmarks],
        "warnings": facts.warnings,
        "audit": facts.audit,
        "variety": facts.variety,
        "survey": facts.survey.to_json(),
    }
    return json.dumps(data, indent=2, sort_keys=True).encode() + b"\n"


def load_facts(source: str | bytes) -> CardFacts:
    """Decode facts; raises ValueError, KeyError or TypeError on what is not ours."""
    data = json.loads(source)
    return CardFacts(
        **{name: data[name] for name in _PLAIN},
        runs=tuple(data["runs"]),
        made=(data["made"][0], data["made"][1]),
        written=tuple(_written(config) for config in data["written"]),
        ledgers={run: tuple(map(_tally, ledger)) for run, ledger in data["ledgers"].items()},
        benchmarks=tuple(
            BenchmarkAccount(account["name"], account["queries"], account["documents"], account["dropped"])
            for account in data.get("benchmarks", [])
        ),
        warnings=tuple(data.get("warnings", [])),
        audit=data.get("audit", {}),
        variety=data.get("variety", {}),
        survey=Survey.from_json(data["survey"]),
    )


def add_facts(earlier: CardFacts, newer: CardFacts) -> CardFacts:
    """Give the facts of a set that holds the rows of both; what cannot be added is the newer's."""
    return replace(
        newer,
        runs=(*earlier.runs, *newer.runs),
        written=tuple(_sum(shape_name, earlier, newer) for shape_name in _config_names(earlier, newer)),
        ledgers={**earlier.ledgers, **newer.ledgers},
        made=(min(earlier.made[0], newer.made[0]), max(earlier.made[1], newer.made[1])),
        benchmarks=tuple(_kept_clear(earlier, newer)),
        survey=earlier.survey.plus(newer.survey),
    )


def _kept_clear(earlier: CardFacts, newer: CardFacts) -> Iterator[BenchmarkAccount]:
    """Yield the benchmarks that the rows of both were held against: of others nothing can be said."""
    for one in earlier.benchmarks:
        for other in newer.benchmarks:
            if replace(one, dropped=0) == replace(other, dropped=0):
                yield replace(other, dropped=one.dropped + other.dropped)


_PLAIN = (
    *("pretty_name", "recipe", "description", "version", "license", "license_name", "license_link", "citation"),
    "adopted",
)


def _tally(data: Mapping[str, Any]) -> StageTally:
    return StageTally(data["name"], data["in"], data["created"], data["out"], data["dropped"])


def _written(data: Mapping[str, Any]) -> Written:
    splits = {split: Size(**size) for split, size in data["splits"].items()}
    return Written(data["config"], dict(data["columns"]), data["about"], splits, Counter(data["unfit"]))


def _config_names(*sides: CardFacts) -> list[str]:
    return list(dict.fromkeys(config.name for facts in reversed(sides) for config in facts.written))


def _sum(name: str, *sides: CardFacts) -> Written:
    parts = [config for facts in sides for config in facts.written if config.name == name]
    sizes: dict[str, Size] = {}
    for split in sorted({split for part in parts for split in part.splits}):
        have = [part.splits[split] for part in parts if split in part.splits]
        sizes[split] = Size(sum(size.rows for size in have), sum(size.bytes for size in have))
    unfit = sum((part.unfit for part in parts), Counter[str]())
    return replace(parts[-1], splits=sizes, unfit=unfit)
