"""A lasting index of texts that runs share."""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from flows.curation.near.policy import NearPolicy
from flows.curation.semantic import SemanticPolicy, Vectors
from flows.errors import StoreError, UsageError
from flows.index.filing import Filing
from flows.index.meanings import find_meanings, is_text, kind
from flows.index.search import Known, search_segments
from flows.index.segment import ENTRY, Segment, entry_table, read_segment, write_segment
from flows.store.jsonio import loads, write_json
from flows.store.lock import held

VERSION = 1
"""Of the files, and of what a word is: an index of another version is to be built again."""
_HEADER = "index.json"
_LARGEST = 1 << 26
"""Bytes of text or of vectors above which segments are not merged: about a million queries."""
_PATIENCE = 900.0
"""Seconds to wait for a process that writes: filing the largest segment takes a minute or so."""
_AGAIN = "build it again: triplesmith index DIR --from PUBLISHED …"

Entry = tuple[str, str, Sequence[str]]
"""Id of a row, name of the group in which it is compared, words."""
Entries: TypeAlias = Iterable[Entry] | pa.Table
"""Texts, or a table of vectors as `vector_table` makes it."""
Segments = dict[str, list[Segment]]
"""What is compared (task, query, …, or vectors: `query by ENCODER`) -> segments, the earlier first."""


@dataclass(frozen=True, slots=True)
class Index:
    """Texts of all runs' rows, by what is compared; `index.json` names the folders of the segments that hold them.

    Segments are written before they are named and removed after, so a kill leaves the index as it was or as it was to
    be. New entries are merged with the latest segments of no more than twice their size, so that there are never many.
    """

    folder: Path

    def counts(self) -> dict[str, int]:
        """Entries by what is compared; raises UsageError or StoreError for an index that cannot be used."""
        return {compare: sum(map(len, segments)) for compare, segments in self._read().items()}

    def check(self, policy: SemanticPolicy | None = None, own: Collection[str] = ()) -> None:
        """Raise UsageError or StoreError when the index cannot be used, for want of the policy's vectors for instance.

        The rows in `own` may do without.
        """
        segments = self._read()
        if policy is not None:
            self._refuse_partial(segments, policy, own)

    def held(self, compare: str, ids: Collection[str]) -> set[str]:
        """Give those of the ids that have an entry."""
        own = _ids(ids)
        segments = self._read().get(compare, ())
        return {id_ for part in segments for id_ in part.rows["id"].filter(_is_in(part.rows["id"], own)).to_pylist()}

    def find(
        self, texts: Iterable[str], policy: NearPolicy, groups: Iterable[str], own: Collection[str] = ()
    ) -> list[Known | None]:
        """Say for each text which entry it is a near-copy of: the most similar one, the earliest of equals.

        Only texts of one group are compared, and entries of the rows in `own` are passed over. Raises UsageError when
        what the policy compares was never indexed, StoreError when a file is damaged.
        """
        with self._locked():
            segments = self._read()
            if segments and policy.compare not in segments:
                raise UsageError(f"{self.folder}: does not hold what compare = {policy.compare!r} asks for; {_AGAIN}")
            found = [segment for segment in segments.get(policy.compare, ()) if len(segment)]
            filed = [(segment, self._filing(segment, policy)) for segment in found]
        return search_segments(filed, texts, policy, groups, own)

    def find_meanings(
        self, vectors: Vectors, policy: SemanticPolicy, groups: Sequence[str], own: Collection[str] = ()
    ) -> list[tuple[str, float] | None]:
        """Say for each vector which entry's means the same: id and cosine of the most similar one of its group.

        Time is that of all pairs. Entries of the rows in `own` are passed over. Raises UsageError when other rows have
        no vectors of the policy's encoder, or of another length, StoreError when a file is damaged.
        """
        with self._locked():
            segments = self._read()
        self._refuse_partial(segments, policy, own)
        held = segments.get(kind(policy), [])
        if len(vectors):
            self._refuse_other_length(held, vectors.shape[1])
        return find_meanings(held, vectors, policy, groups, own)

    def put(self, own: Collection[str], entries: Mapping[str, Entries]) -> None:
        """Make `entries` all that the index holds of the rows in `own`; doing so again changes nothing.

        Raises StoreError when the folder cannot be written, UsageError when vectors are not as long as those there.
        """
        with self._locked():
            segments = self._read()
            for compare, added in entries.items():
                segments[compare] = self._replaced(segments.get(compare, []), own, added)
            self._write(segments)

    def rebuild(self, entries: Mapping[str, Entries]) -> None:
        """Hold these entries and no others, whatever state the index is in; raises StoreError."""
        with self._locked():
            self._refuse_others()
            self._write({compare: self._replaced([], (), added) for compare, added in entries.items()})

    def _replaced(self, segments: list[Segment], own: Collection[str], entries: Entries) -> list[Segment]:
        """Give the segments of one kind with the entries of own rows replaced, but for those that are there already."""
        table = entries if isinstance(entries, pa.Table) else entry_table(entries)
        if table.num_rows and "vector" in table.column_names:
            self._refuse_other_length(segments, table["vector"].type.list_size)
        wanted = _keys(table)
        ids = _ids(own)
        kept: list[Segment] = []
        loose: list[pa.Table] = []
        for segment in segments:
            mine = segment.rows.filter(_is_in(segment.rows["id"], ids))
            same = _is_in(_keys(mine), wanted)
            there, gone = mine["id"].filter(same), mine["id"].filter(pc.invert(same))
            table = _without(table, there)
            if len(gone):
                loose.append(_without(segment.rows, gone))
            else:
                kept.append(segment)
        loose = [part for part in (*loose, table) if part.num_rows]
        if not loose:
            return kept
        while _bytes(*loose) and kept and _merges(kept[-1].rows, *loose):
            loose.insert(0, kept.pop().rows)
        return [*kept, *map(self._new_segment, _parts(pa.concat_tables(loose)))]

    def _new_segment(self, rows: pa.Table) -> Segment:
        numbers = (int(path.name) for path in self.folder.iterdir() if path.name.isdecimal())
        return write_segment(self.folder / f"{max(numbers, default=0) + 1:06}", rows)

    def _filing(self, segment: Segment, policy: NearPolicy) -> Filing | None:
        if policy.measure == "token_set":
            return None
        try:
            return segment.filing(policy)
        except StoreError as error:
            raise StoreError(f"{error}; {_AGAIN}") from None

    def _write(self, segments: Segments) -> None:
        names = {compare: [segment.folder.name for segment in parts] for compare, parts in segments.items()}
        write_json(self.folder / _HEADER, {"version": VERSION, "segments": names})
        named = {name for parts in names.values() for name in parts}
        for path in self.folder.iterdir():
            if path.name.isdecimal() and path.name not in named:
                rmtree(path, ignore_errors=True)

    def _read(self) -> Segments:
        """Open all segments; none for an index that is yet to be written."""
        self._refuse_others()
        try:
            header = loads((self.folder / _HEADER).read_bytes())
            version, names = header["version"], header["segments"]
        except FileNotFoundError:
            return {}
        except (ValueError, KeyError, TypeError):
            raise StoreError(f"{self.folder / _HEADER}: is damaged; {_AGAIN}") from None
        if version != VERSION:
            raise UsageError(f"{self.folder}: is an index of version {version}, not {VERSION}; {_AGAIN}")
        try:
            return {compare: [read_segment(self.folder / name) for name in parts] for compare, parts in names.items()}
        except StoreError as error:
            raise StoreError(f"{error}; {_AGAIN}") from None

    def _refuse_partial(self, segments: Segments, policy: SemanticPolicy, own: Collection[str]) -> None:
        """Raise UsageError when rows that are not in `own` have texts but no vectors."""
        there = {id_ for part in segments.get(kind(policy), ()) for id_ in part.rows["id"].to_pylist()}
        rows = (part for name, parts in segments.items() if is_text(name) and name != "task" for part in parts)
        missing = {id_ for part in rows for id_ in part.rows["id"].to_pylist()} - there - set(own)
        if missing:
            texts = [name for name in segments if is_text(name)]
            compare = "" if policy.compare in texts else f" --compare {' '.join([*texts, policy.compare])}"
            raise UsageError(
                f"{self.folder}: {len(missing):,} of its rows have no vectors for [curate.semantic] ({kind(policy)});"
                f" {_AGAIN} --encoder {policy.encoder}{compare}"
            )

    def _refuse_other_length(self, segments: Sequence[Segment], numbers: int) -> None:
        """Raise UsageError when the vectors there are no vectors of so many numbers."""
        for segment in segments:
            if (held := segment.rows["vector"].type.list_size) != numbers:
                again = f"{_AGAIN} --encoder NAME"
                raise UsageError(
                    f"{self.folder}: its vectors have {held} numbers, those of this run {numbers}; {again}"
                )

    def _refuse_others(self) -> None:
        """Raise UsageError for a folder that is used for something else."""
        if self.folder.exists() and not (self.folder / _HEADER).exists():
            if not self.folder.is_dir() or any(not path.name[0].isdecimal() for path in _shown(self.folder)):
                raise UsageError(f"{self.folder}: is no index (it has no {_HEADER}); name another folder")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Wait for other processes; raises UsageError when one takes too long."""
        self._refuse_others()
        busy = "another process is writing this index; try again later"
        with held(self.folder / ".lock", patience=_PATIENCE, busy=busy):
            yield


def _shown(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if not path.name.startswith("."))


def _ids(ids: Collection[str]) -> pa.Array:
    return pa.array(ids, ENTRY.field("id").type)


def _is_in(values: pa.ChunkedArray, among: pa.Array) -> pa.ChunkedArray:
    return pc.is_in(values, value_set=among)


def _keys(rows: pa.Table) -> pa.ChunkedArray:
    columns = [rows[name] for name in rows.column_names if name != "vector"]
    return pc.binary_join_element_wise(*columns, pa.scalar("\0", pa.large_string()))


def _without(rows: pa.Table, ids: pa.ChunkedArray) -> pa.Table:
    return rows.filter(pc.invert(_is_in(rows["id"], ids))) if len(ids) else rows


def _bytes(*tables: pa.Table) -> int:
    return sum(int(table.columns[-1].nbytes) for table in tables)


def _merges(older: pa.Table, *newer: pa.Table) -> bool:
    """Whether an older segment is small enough to be merged with newer entries."""
    return _bytes(older) <= 2 * _bytes(*newer) and _bytes(older, *newer) <= _LARGEST


def _parts(rows: pa.Table) -> Iterator[pa.Table]:
    """Cut a table where it is too large for one segment."""
    step = math.ceil(rows.num_rows / math.ceil(_bytes(rows) / _LARGEST)) if rows.num_rows else 1
    for start in range(0, rows.num_rows, step):
        yield rows.slice(start, step)
