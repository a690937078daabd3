"""Vectors among the entries of an index: rows of earlier runs that mean the same."""

from collections.abc import Collection, Iterator, Sequence
from typing import cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from flows.curation.near.policy import Compare
from flows.curation.semantic import SemanticPolicy, Vectors
from flows.index.segment import Segment

_BLOCK = (1024, 8192)
"""Rows by entries of a block of similarities."""
_BY = " by "


def kind(policy: SemanticPolicy) -> str:
    """Name what an index holds for a policy: `query by NAME`, the vectors that encoder NAME gives queries."""
    return f"{policy.compare}{_BY}{policy.encoder}"


def is_text(name: str) -> bool:
    """Whether entries of this name are texts, not vectors."""
    return _BY not in name


def policy_of(name: str) -> SemanticPolicy:
    """Give the policy whose vectors have this name; thresholds are not in it."""
    compare, _, encoder = name.partition(_BY)
    return SemanticPolicy(encoder, compare=cast(Compare, compare))


def vector_table(ids: Sequence[str], groups: Sequence[str], vectors: Vectors) -> pa.Table:
    """Make a table of entries with a vector each, rows by numbers."""
    numbers = pa.array(np.ascontiguousarray(vectors, np.float32).ravel())
    columns = {
        "id": pa.array(ids, pa.large_string()),
        "group": pa.array(groups, pa.large_string()),
        "vector": pa.FixedSizeListArray.from_arrays(numbers, max(1, vectors.shape[1])),
    }
    return pa.table(columns)


def find_meanings(
    segments: Sequence[Segment],
    vectors: Vectors,
    policy: SemanticPolicy,
    groups: Sequence[str],
    own: Collection[str],
) -> list[tuple[str, float] | None]:
    """Give for each vector the entry of its group, not in `own`, that it is most like, the earliest of equals.

    An entry is its row's id and the cosine; None where no cosine reaches the threshold. All pairs are looked at, in
    blocks. Entries' vectors are as long as these. Cosines are rounded as the library for matrices does: those of equal
    vectors may differ in the last bit.
    """
    best, place = np.full(len(vectors), -1, np.float32), np.zeros(len(vectors), np.int64)
    found: list[tuple[str, float] | None] = [None] * len(vectors)
    own, labels = set(own), np.array(groups, object)
    least = np.array([policy.threshold_of(group) for group in groups], np.float32)
    for segment in segments:
        held = segment.vectors()
        before, theirs = best.copy(), np.array([*segment.groups()], object)
        foreign = np.array([id_ not in own for id_ in segment.ids(np.arange(len(segment)))], bool)
        for group in dict.fromkeys(groups):
            rows = np.flatnonzero(labels == group)
            _improve(best, place, (vectors, rows), (held, np.flatnonzero((theirs == group) & foreign)))
        better = np.flatnonzero((best > before) & (best >= least))
        for row, id_ in zip(better.tolist(), segment.ids(place[better]), strict=True):
            found[row] = id_, float(min(best[row], 1))
    return found


def _improve(
    best: NDArray[np.float32],
    place: NDArray[np.int64],
    ours: tuple[Vectors, NDArray[np.int64]],
    theirs: tuple[Vectors, NDArray[np.int64]],
) -> None:
    """Note for our rows the entry that is more alike than the best so far, if there is one."""
    for rows in _blocks(ours[1], _BLOCK[0]):
        here = np.asarray(ours[0][rows])
        for entries in _blocks(theirs[1], _BLOCK[1]):
            similarity = here @ theirs[0][entries].T
            at = similarity.argmax(axis=1)
            alike = similarity[np.arange(len(rows)), at]
            better = alike > best[rows]
            best[rows[better]], place[rows[better]] = alike[better], entries[at[better]]


def _blocks(places: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    return (places[start : start + size] for start in range(0, len(places), size))
