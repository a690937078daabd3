"""Find rows whose query means what a query of a benchmark means, by the encoder that finds semantic duplicates."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from flows.curation.semantic import SemanticPolicy, Vectors, encode_texts, open_encoder
from flows.sources.benchmarks import read_texts
from flows.sources.locate import Source
from flows.stages.job import STAGE, Job
from flows.stages.vectors import RowVectors
from flows.store.atomic import replace_file

LEAST = 0.7
"""Cosines below are not written down, so that a threshold above decides without encoding again."""
_BLOCK = 8192
"""Queries of a benchmark that rows are multiplied with at a time."""


def prepare_meaning(job: Job, found: Mapping[str, Source]) -> None:
    """Encode the queries of benchmarks and of all rows, each once; nothing without an encoder in the recipe."""
    if job.policy.semantic is None:
        return
    policy = _of_queries(job.policy.semantic)
    for number, source in enumerate(found.values()):
        path = job.layout.benchmarks(STAGE) / f"{number}" / "vectors.npy"
        if not path.exists():
            texts = (text for kind, text in read_texts(source) if kind == "query")
            with replace_file(path) as file:
                np.save(file, encode_texts(open_encoder(policy.encoder), texts))
    vectors = RowVectors(job, policy)
    for shard in job.shards:
        vectors.of(shard)


def nearest(job: Job, shard: int, benchmarks: Sequence[str]) -> Iterator[tuple[int, str, float]]:
    """Yield place, benchmark and cosine of every row of a shard whose query is near one of the benchmark's."""
    if job.policy.semantic is None:
        return
    rows = RowVectors(job, _of_queries(job.policy.semantic)).of(shard)
    for number, name in enumerate(benchmarks):
        held: Vectors = np.load(job.layout.benchmarks(STAGE) / f"{number}" / "vectors.npy", mmap_mode="r")
        best = _greatest(rows, held)
        yield from ((int(place), name, round(float(best[place]), 4)) for place in np.flatnonzero(best >= LEAST))


def _greatest(rows: Vectors, held: Vectors) -> NDArray[np.float32]:
    best = np.zeros(len(rows), np.float32)
    for first in range(0, len(held), _BLOCK):
        np.maximum(best, (rows @ held[first : first + _BLOCK].T).max(axis=1), out=best)
    return best


def _of_queries(policy: SemanticPolicy) -> SemanticPolicy:
    return replace(policy, compare="query")
