"""Vectors of the rows to curate, encoded once and kept beside their measures."""

from collections.abc import Callable
from functools import cached_property

import numpy as np

from flows.curation.semantic import Encoder, SemanticPolicy, Vectors, encode_texts, open_encoder
from flows.errors import StoreError
from flows.ids import digest
from flows.index.rows import compared
from flows.stages.job import STAGE, Job
from flows.store.atomic import replace_file
from flows.store.shards import read_rows


class RowVectors:
    """Gives the vectors of a shard's rows, by an encoder that is opened when a shard has none yet."""

    def __init__(self, job: Job, policy: SemanticPolicy, open_: Callable[[str], Encoder] = open_encoder) -> None:
        self._job = job
        self._policy = policy
        self._open = open_

    @cached_property
    def _encoder(self) -> Encoder:
        return self._open(self._policy.encoder)

    def of(self, shard: int) -> Vectors:
        """Map the vectors of all rows of a shard from disk; raises UsageError without encoder, StoreError."""
        layout, policy = self._job.layout, self._policy
        name = f"vectors-{digest(policy.encoder, policy.compare, size=8)}-{shard:05}.npy"
        path, rows = layout.stage(STAGE) / name, layout.rows(self._job.source, shard)
        if not path.exists() or path.stat().st_mtime_ns < rows.stat().st_mtime_ns:
            texts = (compared(row, policy.compare) for row in read_rows(layout, self._job.source, [shard]))
            vectors = encode_texts(self._encoder, texts)
            with replace_file(path) as file:
                np.save(file, vectors)
        try:
            found: Vectors = np.load(path, mmap_mode="r")
        except (OSError, ValueError) as error:
            raise StoreError(f"{path}: is damaged ({error}); delete it") from None
        return found
