"""Vectors of the rows to curate, encoded once and kept beside their measures."""

from collections.abc import Callable
from functools import cached_property

import numpy as np
import pyarrow as pa

from flows.curation.semantic import Encoder, SemanticPolicy, Vectors, encode_texts, open_encoder
from flows.errors import StoreError
from flows.ids import digest
from flows.index.meanings import vector_table
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

    def accepted(self) -> pa.Table:
        """Give the vectors of the rows that curation left so far, as an index holds them; raises as `of` does."""
        layout = self._job.layout
        ids: list[str] = []
        families: list[str] = []
        parts: list[Vectors] = []
        for shard in self._job.shards:
            if not layout.rows(STAGE, shard).exists():
                continue
            stay = {row.id for row in read_rows(layout, STAGE, [shard])}
            places = []
            for place, row in enumerate(read_rows(layout, self._job.source, [shard])):
                if row.id in stay:
                    ids.append(row.id)
                    families.append(row.family)
                    places.append(place)
            parts.append(self.of(shard)[np.array(places, np.int64)])
        filled = [part for part in parts if len(part)]
        return vector_table(ids, families, np.concatenate(filled) if filled else np.zeros((0, 0), np.float32))
