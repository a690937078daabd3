"""Find texts that say the same in other words, by the vectors that an encoder gives them.

Every pair is looked at, as matrix products of blocks, so the outcome is exact and memory bounded: the vectors and one
block of similarities. The time is that of n times what stays, of d multiplications each: a minute or two for 100,000
rows of 384 numbers on two cores.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from flows.curation.near import Twin
from flows.curation.near.policy import Compare
from flows.errors import UsageError

Vectors = NDArray[np.float32]
_BLOCK = (1024, 8192)
"""Rows by kept rows of a block of similarities."""
_BATCH = 1024
"""Texts encoded at a time."""


class Encoder(Protocol):
    """Whatever gives texts vectors."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Give one vector for each text, as rows."""


@dataclass(frozen=True, slots=True)
class SemanticPolicy:
    """Texts of a family say the same when the cosine of their vectors is at least the threshold."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    encoder: str
    """Name or folder of a sentence-transformers model."""
    threshold: float = 0.95
    """Least cosine; what it means depends on the encoder, so look at what is dropped."""
    families: Mapping[str, float] = field(default_factory=dict)
    """Family -> threshold, where another one fits."""
    compare: Compare = "query"
    """What of a row is the text: query, (first) positive, or query and positive as one."""

    def __post_init__(self) -> None:
        for name, value in {"threshold": self.threshold, **self.families}.items():
            if not 0 < value <= 1:
                raise ValueError(f"{name} must be above 0 and at most 1, not {value}")

    def threshold_of(self, family: str) -> float:
        """Give the threshold of one family."""
        return self.families.get(family, self.threshold)


def encode_texts(encoder: Encoder, texts: Iterable[str]) -> Vectors:
    """Encode texts in batches and scale their vectors to length 1; a vector of zeros stays one."""
    parts = [_unit(encoder.encode(batch)) for batch in _batches(texts)]
    return np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)


def semantic_twins(
    vectors: Vectors, thresholds: Mapping[str, float], *, keys: Sequence[Any], groups: Sequence[str]
) -> list[Twin | None]:
    """Say for each row which kept row says the same, or None for one that stays.

    `vectors` (rows by numbers, float32, of length 1) may be mapped from disk; `groups` names each row's group, whose
    threshold is in `thresholds`; only rows of one group are compared. A row goes if and only if its cosine with one
    before it, in the order of `keys`, that stays is at least the threshold; its twin is the most similar of those. So
    something of every set of copies stays, and which does not depend on the order in which rows are given, as long as
    their keys differ. Kin to SemDeDup (arXiv 2303.09540), without its clusters: no pair is missed.
    """
    order = np.array(sorted(range(len(vectors)), key=keys.__getitem__), np.int64)
    twins: list[Twin | None] = [None] * len(vectors)
    names = list(dict.fromkeys(groups))
    numbers = {name: number for number, name in enumerate(names)}
    group = np.fromiter((numbers[name] for name in groups), np.int64, len(vectors))[order]
    for number, name in enumerate(names):
        rows = order[group == number]
        for row, twin, similarity in _settle(vectors, rows, np.float32(thresholds[name])):
            twins[row] = Twin(twin, similarity)
    return twins


def open_encoder(name: str) -> Encoder:
    """Load a sentence-transformers model; raises UsageError when the library or the model is not there."""
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError:
        raise UsageError("semantic duplicates need an encoder: pip install 'triplesmith[dense]'") from None
    try:
        model = SentenceTransformer(name, device="cpu")
    except (OSError, ValueError) as error:
        raise UsageError(f"encoder {name}: cannot be loaded: {' '.join(str(error).split())}") from None
    return _SentenceTransformer(model)


@dataclass(frozen=True)
class _SentenceTransformer:
    model: Any

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Give the model's vectors."""
        found: Vectors = self.model.encode(list(texts), batch_size=64, show_progress_bar=False, convert_to_numpy=True)
        return found


def _settle(vectors: Vectors, rows: NDArray[np.int64], threshold: np.float32) -> Iterator[tuple[int, int, float]]:
    """Go through rows in order; yield each one that goes, its twin and their cosine."""
    kept: list[int] = []
    for top in range(0, len(rows), _BLOCK[0]):
        block = rows[top : top + _BLOCK[0]]
        here = np.asarray(vectors[block])
        best, twin = np.full(len(block), -1, np.float32), np.zeros(len(block), np.int64)
        for edge in range(0, len(kept), _BLOCK[1]):
            there = np.array(kept[edge : edge + _BLOCK[1]])
            similarity = here @ np.asarray(vectors[there]).T
            place = similarity.argmax(axis=1)
            found = similarity[np.arange(len(block)), place]
            better = found > best
            best[better], twin[better] = found[better], there[place[better]]
        within = here @ here.T
        for at, row in enumerate(block.tolist()):
            if best[at] >= threshold:
                yield row, int(twin[at]), float(min(best[at], 1))
                continue
            kept.append(row)
            better = within[at] > best
            better[: at + 1] = False
            best[better], twin[better] = within[at][better], row


def _unit(vectors: Vectors) -> Vectors:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, np.finfo(np.float32).tiny), np.float32)


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(texts)
    while batch := list(islice(rest, _BATCH)):
        yield batch
