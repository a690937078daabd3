"""A lasting index of texts, so that later ones are compared with all earlier ones in time that follows the later."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.curation.near.corpus import Corpus
from flows.curation.near.found import Found
from flows.curation.near.judge import score_tokens
from flows.curation.near.policy import NearPolicy
from flows.curation.near.segment import read_segment, write_segment
from flows.curation.tokens import tokens
from flows.errors import StoreError, UsageError
from flows.store.jsonio import loads, write_json

VERSION = 1
"""Of the files, and of what a token is: an index of another version is to be made anew."""
_PREFIX = "segment-"


class Index:
    """Texts on disk under one policy; `index.json` names the folders of the segments that hold them.

    A segment is written before it is named, so a kill leaves the index as it was. New texts are merged with the latest
    segments of no more than twice their number, so there are never many. One process at a time may add.
    """

    def __init__(self, folder: Path, policy: NearPolicy) -> None:
        """Open or prepare an index; raises UsageError when it was made otherwise, StoreError when it is damaged."""
        if policy.measure == "token_set":
            raise UsageError("token_set looks at all pairs, so there is no index for it; choose rouge_l or jaccard")
        self._folder = folder
        self._policy = policy
        self._header = folder / "index.json"
        self._segments = {name: read_segment(folder / name) for name in self._read_header()}

    def __len__(self) -> int:
        """Texts in the index."""
        return sum(segment.rows.num_rows for segment in self._segments.values())

    def name(self, place: int) -> str:
        """Give the name of the text at a place."""
        for segment in self._segments.values():
            if place < segment.rows.num_rows:
                return str(segment.rows["name"][place])
            place -= segment.rows.num_rows
        raise IndexError(place)

    def add(self, texts: Sequence[str], names: Sequence[str], groups: Sequence[int] | None = None) -> None:
        """Add texts for good, each under a name; names that are there already are passed over, so adding again is safe.

        A group's number means the same in every call. Raises StoreError when the folder cannot be written.
        """
        known = {name for segment in self._segments.values() for name in segment.rows["name"].to_pylist()}
        places = sorted({name: place for place, name in reversed(list(enumerate(names))) if name not in known}.values())
        if not places:
            return
        rows: dict[str, list[Any]] = {
            "text": [" ".join(tokens(texts[place])) for place in places],
            "name": [names[place] for place in places],
            "group": [groups[place] if groups is not None else 0 for place in places],
        }
        kept = list(self._segments)
        while kept and self._segments[kept[-1]].rows.num_rows <= 2 * len(rows["name"]):
            older = self._segments[kept.pop()].rows.to_pydict()
            rows = {column: older[column] + values for column, values in rows.items()}
        name = f"{_PREFIX}{max((int(name.removeprefix(_PREFIX)) for name in self._segments), default=0) + 1}"
        write_segment(self._folder / name, rows, self._policy)
        self._write_header([*kept, name])
        self._segments = {other: self._segments[other] for other in kept} | {name: read_segment(self._folder / name)}
        for path in self._folder.glob(f"{_PREFIX}*"):
            if path.name not in self._segments:
                rmtree(path, ignore_errors=True)

    def search(self, corpus: Corpus, rows: NDArray[np.int64], names: Sequence[str] = ()) -> Iterator[Found]:
        """Yield all near pairs of a row of the corpus and a place in the index; texts under `names` are passed over."""
        own = set(names)
        first = 0
        for segment in self._segments.values():
            for one, other in segment.candidates(corpus, rows, self._policy):
                foreign = np.array([name not in own for name in segment.rows["name"].take(other).to_pylist()], bool)
                one, other = one[foreign], other[foreign]
                similarity = self._judge(corpus, one, segment.rows["text"].take(other).to_pylist())
                near = similarity >= self._policy.threshold
                yield Found(one[near], other[near] + first, similarity[near])
            first += segment.rows.num_rows

    def _judge(self, corpus: Corpus, rows: NDArray[np.int64], texts: Sequence[str]) -> NDArray[np.float64]:
        """Score rows of the corpus and texts of the index pair by pair."""
        spans = zip(corpus.start[rows].tolist(), corpus.start[rows + 1].tolist(), strict=True)
        here = [[corpus.words[word] for word in corpus.ids[low:high].tolist()] for low, high in spans]
        return score_tokens(here, [text.split() for text in texts], self._policy)

    def _write_header(self, segments: Sequence[str]) -> None:
        write_json(self._header, {"version": VERSION, "policy": asdict(self._policy), "segments": segments})

    def _read_header(self) -> list[str]:
        """Names of the segments; none for an index that is yet to be written."""
        try:
            header = loads(self._header.read_bytes())
            made = header["version"], header["policy"]
        except FileNotFoundError:
            return []
        except (ValueError, KeyError, TypeError):
            raise StoreError(f"{self._header}: is damaged; delete the folder and add the texts again") from None
        if made != (VERSION, asdict(self._policy)):
            asked = VERSION, asdict(self._policy)
            raise UsageError(f"{self._folder}: made with {made}, not {asked}; delete it and add the texts again")
        return [str(name) for name in header["segments"]]
