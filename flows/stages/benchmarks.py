"""Keep rows clear of benchmarks: their hashes, once for a run, and what the rows of a shard share with them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import chain
from shutil import rmtree
from typing import Any

from flows.curation.leak_policy import LEAST_NEAR, BenchmarkSource
from flows.curation.near import NearPolicy
from flows.curation.policy import CurationPolicy
from flows.curation.tokens import tokens
from flows.decontamination.benchmark import Benchmark, build
from flows.decontamination.leaks import REASON, Leak, find_leaks
from flows.domain.ledger import BenchmarkAccount, StageTally
from flows.domain.records import Row
from flows.errors import UsageError
from flows.ids import digest
from flows.index.index import Entry, Index
from flows.recipes.folder import read_recipe
from flows.sources.benchmarks import locate_benchmark, read_texts
from flows.sources.locate import Source
from flows.stages.job import STAGE, Job
from flows.stages.meaning import nearest, prepare_meaning
from flows.store.jsonio import loads, read_lines, write_json, write_lines
from flows.store.layout import Layout
from flows.store.shards import read_rows

VERSION = 1
"""Version of the hashes and of what is measured by them."""
NEAR = NearPolicy("rouge_l", LEAST_NEAR, compare="query")
_HEADER = "benchmarks.json"


def with_benchmarks(policy: CurationPolicy, paths: Sequence[str]) -> CurationPolicy:
    """Add the benchmarks that the command line names; raises UsageError when one is not there or a name is taken."""
    given = (*policy.benchmarks, *map(BenchmarkSource, paths))
    policy = replace(policy, benchmarks=tuple(dict.fromkeys(given)))
    names = Counter(benchmark.called for benchmark in policy.benchmarks)
    if taken := [name for name, count in names.items() if count > 1]:
        raise UsageError(f"two benchmarks are called {taken[0]}; give them names in the recipe's [[curate.benchmarks]]")
    for benchmark in policy.benchmarks:
        locate_benchmark(benchmark.path)
    return policy


def prepare(job: Job) -> None:
    """Write the hashes of a run's benchmarks, once; raises UsageError when one cannot be read."""
    if not job.policy.benchmarks:
        return
    found = {benchmark.called: locate_benchmark(benchmark.path) for benchmark in job.policy.benchmarks}
    leaks = job.policy.leaks
    prints = {name: source.fingerprint for name, source in found.items()}
    encoder = job.policy.semantic.encoder if job.policy.semantic else None
    fingerprint = digest(VERSION, prints, leaks.common, list(leaks.allow), encoder)
    folder = job.layout.benchmarks(STAGE)
    if _header(job.layout).get("fingerprint") == fingerprint:
        prepare_meaning(job, found)
        return
    rmtree(folder, ignore_errors=True)
    counts = {
        name: asdict(build(folder / f"{number}", read_texts(source), leaks.common, leaks.allow))
        for number, (name, source) in enumerate(found.items())
    }
    _index(job.layout).put((), {"query": _queries(found)})
    prepare_meaning(job, found)
    write_json(folder / _HEADER, {"fingerprint": fingerprint, "counts": counts})


def unmatched(job: Job) -> list[int]:
    """Numbers of the shards whose rows are still to be held against the benchmarks."""
    return [shard for shard in job.shards if not _is_matched(job, shard)] if job.policy.benchmarks else []


def match_shard(layout: Layout, source: str, shard: int) -> None:
    """Write what the rows of one shard share with the benchmarks: a line for each row that shares something."""
    header = _header(layout)
    rows = list(read_rows(layout, source, [shard]))
    folder = layout.benchmarks(STAGE)
    benchmarks = {name: Benchmark(folder / f"{number}") for number, name in enumerate(header["counts"])}
    shared = list(find_leaks(rows, benchmarks))
    for place, leak in _near_leaks(layout, rows, list(benchmarks)):
        shared[place].append(leak)
    job = Job(layout, source, read_recipe(layout).curate)
    for place, name, cosine in nearest(job, shard, list(benchmarks)):
        shared[place].append(Leak(name, "query", cosine=cosine))
    lines = ({"place": place, "leaks": [asdict(leak) for leak in leaks]} for place, leaks in enumerate(shared) if leaks)
    write_lines(layout.leaks(STAGE, shard), chain([{"fingerprint": header["fingerprint"]}], lines))


def leaks_by_place(job: Job, shard: int) -> Mapping[int, Any]:
    """Give place in the shard -> what the row there shares with benchmarks."""
    if not job.policy.benchmarks:
        return {}
    lines = read_lines(job.layout.leaks(STAGE, shard))
    next(lines)
    return {line["place"]: line["leaks"] for line in lines}


def read_leaks(measured: Mapping[str, Any]) -> list[Leak]:
    """Give the leaks among a row's measures."""
    return [Leak(**leak) for leak in measured.get("benchmarks", ())]


def benchmark_accounts(job: Job, tally: StageTally) -> list[BenchmarkAccount]:
    """Say what curation found of every benchmark."""
    counts = _header(job.layout).get("counts", {}) if job.policy.benchmarks else {}
    return [
        BenchmarkAccount(name, held["queries"], held["documents"], tally.dropped.get(REASON + name, 0))
        for name, held in counts.items()
    ]


def _is_matched(job: Job, shard: int) -> bool:
    leaks = job.layout.leaks(STAGE, shard)
    if not leaks.exists() or leaks.stat().st_mtime_ns < job.layout.rows(job.source, shard).stat().st_mtime_ns:
        return False
    first: Any = next(read_lines(leaks), {})
    return bool(first.get("fingerprint") == _header(job.layout)["fingerprint"])


def _header(layout: Layout) -> dict[str, Any]:
    path = layout.benchmarks(STAGE) / _HEADER
    header: dict[str, Any] = loads(path.read_bytes()) if path.exists() else {}
    return header


def _index(layout: Layout) -> Index:
    return Index(layout.benchmarks(STAGE) / "near")


def _queries(found: Mapping[str, Source]) -> Iterator[Entry]:
    """Yield the benchmarks' queries, under the benchmark's number."""
    for number, source in enumerate(found.values()):
        texts = (text for kind, text in read_texts(source) if kind == "query")
        yield from ((f"{number}:{place}", "", tokens(text)) for place, text in enumerate(texts))


def _near_leaks(layout: Layout, rows: Sequence[Row], names: Sequence[str]) -> Iterator[tuple[int, Leak]]:
    """Yield place and leak of every row whose query, or either text of a pair of equals, is near a query."""
    texts = [
        (place, column, text)
        for place, row in enumerate(rows)
        for column, side in (("query", (row.query,)), ("positives", [one.text for one in row.positives]))
        for text in side
        if column == "query" or row.symmetric
    ]
    known = _index(layout).find((text for _, _, text in texts), NEAR, ("" for _ in texts))
    for (place, column, _), twin in zip(texts, known, strict=True):
        if twin:
            name = names[int(twin.id.partition(":")[0])]
            yield place, Leak(name, column, near=round(twin.similarity, 4))
