"""Describe what curation left: how varied it is, and whether its sides can be told apart by style."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from flows.curation.audit import separability
from flows.curation.diversity import Sampled, task_clusters, variety
from flows.curation.normalize import fold_text
from flows.domain.records import Row
from flows.domain.units import Dropped
from flows.stages.curate import accepted_rows
from flows.stages.job import STAGE, Job
from flows.store.quality import write_quality
from flows.store.shards import read_dropped

TELLING = 0.65
"""Area under the curve from which style tells the sides apart."""
FEWEST = 30
"""Texts of each side below which the audit says nothing."""
AUDITED = 400
"""Rows of a family that are audited, which gives the area to within about 0.02."""
REPEATED = ("duplicate", "near_duplicate", "known_duplicate")
NO_AXES = frozenset({"language", "src_lang", "tgt_lang", "sample", "words", "labels", "source"})
"""What was requested of rows, or is known of them, without being an axis of a prompt."""


@dataclass(slots=True)
class _Family:
    """What is collected of one family."""

    queries: dict[str, Sampled[str]] = field(default_factory=dict)
    """Language -> texts."""
    positives: dict[str, Sampled[str]] = field(default_factory=dict)
    tasks: Counter[str] = field(default_factory=Counter)
    sides: Sampled[Row] = field(default_factory=lambda: Sampled(AUDITED))
    """Rows to audit."""
    asked: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Axis -> value -> rows written."""
    got: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Axis -> value -> rows that stay."""


def describe(job: Job) -> dict[str, Any]:
    """Write `diversity.json` and `audit.json` beside the curated rows and give both; equal rows give equal bytes."""
    families: defaultdict[str, _Family] = defaultdict(_Family)
    models: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in accepted_rows(job):
        family = families[row.family]
        _add(family, row)
        models[row.generator.model]["rows"] += 1
        for axis, value in _axes(row.requested):
            family.got[axis][value] += 1
            family.asked[axis][value] += 1
    for dropped in _dropped(job):
        content: Mapping[str, Any] = dropped.content
        model = models[content["generator"]["model"]]
        model["rows"] += 1
        model["repeated"] += dropped.reason in REPEATED
        for axis, value in _axes(content["requested"]):
            families[content["family"]].asked[axis][value] += 1
    named = sorted(models.items())
    quality = {
        "diversity": {
            "families": {name: _diversity(family) for name, family in sorted(families.items()) if family.queries},
            "models": {name or "not stated": {key: n[key] for key in ("rows", "repeated")} for name, n in named},
        },
        "audit": {name: found for name, family in sorted(families.items()) if (found := _audit(family))},
    }
    write_quality(job.layout, quality)
    return quality


def warnings(quality: Mapping[str, Any]) -> list[str]:
    """Say what a person should know before training on the rows."""
    told = {"labels": "positives from negatives", "origins": "written from mined negatives"}
    return [
        f"{family}: a classifier that never sees the query tells {words} with AUC {found[name]:.2f} (above {TELLING}); "
        "a model trained on these rows may learn that shortcut"
        for family, found in quality.get("audit", {}).items()
        for name, words in told.items()
        if (found.get(name) or 0.0) > TELLING
    ]


def _dropped(job: Job) -> Iterator[Dropped]:
    shards = (shard for shard in job.shards if job.layout.dropped(STAGE, shard).exists())
    return read_dropped(job.layout, STAGE, shards)


def _add(family: _Family, row: Row) -> None:
    family.queries.setdefault(row.query_language, Sampled()).add(row.id, row.query)
    for text in row.positives[:1]:
        family.positives.setdefault(row.document_language, Sampled()).add(row.id, text.text)
    if row.task:
        family.tasks[row.task] += 1
    if row.negatives:
        family.sides.add(row.id, row)


def _axes(requested: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in requested.items():
        if name not in NO_AXES and isinstance(value, str | int | float):
            yield name, str(value)


def _diversity(family: _Family) -> dict[str, Any]:
    kinds, evenness = task_clusters(family.tasks) if family.tasks else (0, 0.0)
    return {
        "queries": {code: asdict(variety(sampled.items)) for code, sampled in sorted(family.queries.items())},
        "positives": {code: asdict(variety(sampled.items)) for code, sampled in sorted(family.positives.items())},
        "tasks": {"tasks": len(family.tasks), "kinds": kinds, "evenness": evenness},
        "axes": {
            axis: {value: [count, family.got[axis][value]] for value, count in sorted(values.items())}
            for axis, values in sorted(family.asked.items())
        },
    }


def _audit(family: _Family) -> dict[str, Any]:
    """Tell positives from negatives, and written from mined negatives; nothing where texts are few."""
    rows = family.sides.items
    sides = [(text.text, True, number) for number, row in enumerate(rows) for text in row.positives[:1]]
    sides += [(text.text, False, number) for number, row in enumerate(rows) for text in row.negatives[:1]]
    origins = [(text.text, text.origin == "llm", number) for number, row in enumerate(rows) for text in row.negatives]
    found = {"rows": len(rows), "labels": _area(sides), "origins": _area(origins)}
    return found if found["labels"] is not None else {}


def _folded(text: str) -> str:
    return fold_text(text).encode("utf-8", "replace").decode()


def _area(examples: list[tuple[str, bool, int]]) -> float | None:
    counts = Counter(label for _, label, _ in examples)
    if min(counts[True], counts[False]) < FEWEST:
        return None
    texts, labels, groups = zip(*examples, strict=True)
    return separability(texts, labels, groups)
