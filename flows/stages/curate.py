"""Curate rows: measure one shard, then decide over all of them which stay.

Measuring is dear and depends on the row alone; deciding is cheap and depends on the thresholds. So the measures are
written down once, and a changed threshold decides anew without measuring.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, count, islice, tee
from typing import Any

from flows.curation.measure import VERSION, measure_all
from flows.curation.normalize import fold_text
from flows.curation.policy import SHARED_QUERY
from flows.curation.rules import Verdict, decide
from flows.decontamination.leaks import leak_verdict
from flows.domain.ledger import StageTally
from flows.domain.records import Row
from flows.domain.units import Dropped
from flows.ids import digest
from flows.stages import generate
from flows.stages.benchmarks import leaks_by_place, read_leaks
from flows.stages.generate import Slots
from flows.stages.job import STAGE, Job
from flows.stages.plan import stage_ids
from flows.stages.repeats import Repeats
from flows.stages.vectors import RowVectors
from flows.stages.work import Work
from flows.store.jsonio import read_lines, write_lines
from flows.store.layout import Layout
from flows.store.shards import read_rows

KEPT = Verdict()


@dataclass(frozen=True, slots=True)
class Curated:
    """What curation left of a run's rows."""

    slots: Slots
    tally: StageTally
    models: Mapping[str, Counter[str]]
    """Name of a recipe's entry `[[llm]]` -> reason -> rows; those that stay are counted under the empty reason."""


def job_of(work: Work) -> Job:
    """Give the curation of a run's rows."""
    return Job(work.layout, generate.STAGE, work.loaded.recipe.curate, work.index)


def accepted_rows(job: Job) -> Iterator[Row]:
    """Yield the rows that curation left so far."""
    return read_rows(job.layout, STAGE, (shard for shard in job.shards if job.layout.rows(STAGE, shard).exists()))


def unmeasured(job: Job) -> list[int]:
    """Numbers of the shards whose rows are still to be measured, or were by an older version, or written anew since."""
    return [shard for shard in job.shards if not _is_measured(job, shard)]


def measure_shard(layout: Layout, source: str, shard: int) -> None:
    """Write the measures of one shard's rows, one line each after a line with their version."""
    rows, again = tee(read_rows(layout, source, [shard]))
    measures = (
        {"key": twin_key(row), "query": query_key(row), "measured": measured}
        for measured, row in zip(measure_all(again), rows, strict=True)
    )
    write_lines(layout.scores(STAGE, shard), chain([{"version": VERSION}], measures))


def twin_key(row: Row) -> str:
    """Give what rows with the same query and the same first positive have in common."""
    positive = next((text.text for text in row.positives), "")
    return digest(row.family, _folded(row.query), _folded(positive), size=32)


def query_key(row: Row) -> str | None:
    """Give what rows that ask the same have in common; nothing for pairs of equals, which ask nothing."""
    return None if row.symmetric else digest(row.family, _folded(row.query), size=32)


def decide_all(job: Job, judged: Callable[[Row, str], None] = lambda row, reason: None) -> StageTally:
    """Give every row one verdict and write what stays and what goes; the earlier of two twins stays.

    `judged` is called with every row and the reason for which it goes, empty for one that stays.
    """
    verdicts = _find_verdicts(job)
    reasons: Counter[str] = Counter()
    places = count()
    for shard in job.shards:
        stay: list[Row] = []
        dropped: list[Dropped] = []
        for (row, _), place in zip(_measured(job, [shard]), places, strict=False):
            verdict = verdicts.get(place, KEPT)
            reason = verdict.reason or ""
            if reason:
                dropped.append(Dropped(row.id, reason, verdict.detail, row.to_json()))
            else:
                stay.append(row)
            reasons[reason] += 1
            judged(row, reason)
        write_lines(job.layout.dropped(STAGE, shard), dropped)
        write_lines(job.layout.rows(STAGE, shard), stay)
    entered, out = reasons.total(), reasons.pop("", 0)
    return StageTally(STAGE, entered=entered, out=out, dropped=reasons)


def _find_verdicts(job: Job) -> dict[int, Verdict]:
    """Give place -> verdict of the rows that go: by themselves, or because they repeat others."""
    found: dict[int, Verdict] = {}
    semantic, alone = job.policy.semantic, SHARED_QUERY in job.policy.off
    repeats = Repeats(job.policy.near, job.index, semantic)
    encoded = RowVectors(job, semantic) if semantic else None
    places = count()
    for shard in job.shards:
        vectors = encoded.of(shard) if encoded else None
        for at, (row, keys) in enumerate(_measured(job, [shard])):
            place = next(places)
            verdict = _judge(job, row)
            if verdict.keep:
                order = place if job.source == generate.STAGE else _content(row)
                vector = None if vectors is None else vectors[at]
                query = None if alone or keys["query"] is None else bytes.fromhex(keys["query"])
                repeats.add(place, row, bytes.fromhex(keys["key"]), order, vector, query)
            else:
                found[place] = verdict
    return found | repeats.find(stage_ids(job.layout, job.source) if job.index else ())


def _content(row: Row) -> bytes:
    """Give what orders rows that were planned nowhere: all their words, whatever place they came at."""
    texts = [text.text for text in (*row.positives, *row.negatives)]
    return bytes.fromhex(digest(*(_encodable(text) for text in (row.family, row.query, *texts)), size=32))


def _judge(job: Job, row: Row) -> Verdict:
    """Judge a row by itself: by the rules, then by what it shares with benchmarks."""
    verdict = decide(row, row.measured, job.policy)
    return verdict if not verdict.keep else leak_verdict(read_leaks(row.measured), job.policy.leaks)


def _measured(job: Job, shards: Iterable[int]) -> Iterator[tuple[Row, Mapping[str, Any]]]:
    """Yield every row with its measures filled in, and the line that has its keys."""
    for shard in shards:
        lines = islice(read_lines(job.layout.scores(STAGE, shard)), 1, None)
        leaks = leaks_by_place(job, shard)
        for place, (row, line) in enumerate(zip(read_rows(job.layout, job.source, [shard]), lines, strict=True)):
            measured = line["measured"]
            if place in leaks:
                measured["benchmarks"] = leaks[place]
            query, document = measured.get("identified", (row.query_language, row.document_language))
            yield replace(row, measured=measured, query_language=query, document_language=document), line


def _is_measured(job: Job, shard: int) -> bool:
    scores = job.layout.scores(STAGE, shard)
    if not scores.exists() or scores.stat().st_mtime_ns < job.layout.rows(job.source, shard).stat().st_mtime_ns:
        return False
    first: Any = next(read_lines(scores), None)
    return isinstance(first, dict) and first.get("version") == VERSION


def _folded(text: str) -> str:
    """Fold a text to what can be written down: half a character has no UTF-8 form."""
    return _encodable(fold_text(text))


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
