"""Texts as sets of 64-bit hashes, which mean the same in every process: the form in which an index keeps them."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from flows.curation.near.arrays import flat_ranges, mix, signatures, starts
from flows.curation.near.bags import token_bags
from flows.curation.near.bounds import Bounds
from flows.curation.near.corpus import Corpus
from flows.curation.near.policy import NearPolicy

_OCCURRENCE = np.uint64(0x9E3779B97F4A7C15)
_NOTHING = 0x5851F42D4C957F2D
"""Hash of the one element that an empty text is given, so that it meets other empty ones."""


@dataclass(frozen=True, slots=True, eq=False)
class HashedSets:
    """Each row as a set of shingles, or of tokens told apart by occurrence, in an order rarest first.

    Rarity is a table of counts by hash, taken from the rows of an index; what is compared with them follows it too.
    """

    size: NDArray[np.int64]
    start: NDArray[np.int64]
    """Where each set begins in `code`; one more than there are sets."""
    code: NDArray[np.uint64]
    """Elements, in the common order in each set; those that no row of the index holds count in `size` alone."""
    owner: NDArray[np.int64]
    """Set of each entry of `code`."""
    bits: NDArray[np.uint64]
    """Signature of each set, words by sets."""


@dataclass(frozen=True, slots=True, eq=False)
class Prefixes:
    """Sequences of elements with which sets may begin what they share with others, all of one depth."""

    depth: int
    key: NDArray[np.uint64]
    """Hash of the group and the elements."""
    entry: NDArray[np.int64]
    """Where in `HashedSets.code` the last of them stands."""
    most: NDArray[np.int64]
    """Largest overlap that is still possible."""


def hash_words(words: Iterable[str]) -> NDArray[np.uint64]:
    """Hash words, the same in every process."""
    digests = b"".join(blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest() for word in words)
    return np.frombuffer(digests, "<u8")


def element_hashes(
    corpus: Corpus, rows: NDArray[np.int64], policy: NearPolicy
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Hash the tokens or shingles of rows; returns the place in `rows` that each belongs to, and the hashes."""
    bags = token_bags(corpus, rows)
    words = hash_words(corpus.words)[bags.ids]
    length = np.diff(bags.start)
    count = np.maximum(length - policy.shingle + 1, 1)
    owner = np.repeat(np.arange(len(rows)), count)
    place, end = flat_ranges(bags.start[:-1], count), bags.start[owner + 1]
    hashes = np.where(length[owner] > 0, np.uint64(0), np.uint64(_NOTHING))
    for at in range(policy.shingle):
        inside = np.flatnonzero(place + at < end)
        hashes[inside] += mix(words[place[inside] + at] + np.uint64(at))
    return owner, mix(hashes)


def count_slots(hashes: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """Count elements by the low bits of their hashes, in a table large enough to tell most apart."""
    slots = 1 << min(22, max(10, len(hashes).bit_length() + 1))
    return np.bincount(_slot(hashes, slots), minlength=slots).astype(np.uint32)


def hash_sets(
    owner: NDArray[np.int64], hashes: NDArray[np.uint64], rarity: NDArray[np.uint32], policy: NearPolicy
) -> HashedSets:
    """Order the elements of each set by `rarity`, the counts of an index's elements; each owner has at least one."""
    count = rarity[_slot(hashes, len(rarity))]
    order = np.lexsort((hashes, count, owner))
    owner, hashes, count = owner[order], hashes[order], count[order]
    fresh = np.append(True, (hashes[1:] != hashes[:-1]) | (owner[1:] != owner[:-1]))
    if policy.measure == "jaccard":
        owner, hashes, count = owner[fresh], hashes[fresh], count[fresh]
    else:
        place = np.arange(len(hashes))
        earlier = place - np.maximum.accumulate(np.where(fresh, place, 0))
        hashes = mix(hashes + earlier.astype(np.uint64) * _OCCURRENCE)
    size = np.bincount(owner)
    owner, hashes = owner[count > 0], hashes[count > 0]
    start = starts(np.bincount(owner, minlength=len(size)))
    return HashedSets(size, start, hashes, owner, signatures(hashes, start, 2))


def first_prefixes(sets: HashedSets, group: NDArray[np.uint64], limits: Bounds) -> Prefixes:
    """Give the elements that may be the first a set shares with a near-copy; `group` is the hash of each set's."""
    room = sets.start[sets.owner + 1] - 1 - np.arange(len(sets.code))
    entry = np.flatnonzero(room + 1 >= limits.least[sets.size[sets.owner]])
    key = mix(sets.code[entry] ^ mix(group[sets.owner[entry]]))
    return Prefixes(1, key, entry, room[entry] + 1)


def next_prefixes(sets: HashedSets, prefixes: Prefixes, chosen: NDArray[np.bool_], limits: Bounds) -> Prefixes:
    """Extend chosen sequences by each element that may be the next shared one."""
    entry, most = prefixes.entry[chosen], prefixes.most[chosen]
    least = limits.least[sets.size[sets.owner[entry]]]
    ahead = np.maximum(np.minimum(most - least + 1, most - prefixes.depth), 0)
    further = flat_ranges(entry + 1, ahead)
    key = mix(np.repeat(prefixes.key[chosen] * _OCCURRENCE, ahead) ^ sets.code[further])
    return Prefixes(prefixes.depth + 1, key, further, np.repeat(most + entry + 1, ahead) - further)


def _slot(hashes: NDArray[np.uint64], slots: int) -> NDArray[np.int64]:
    return (hashes & np.uint64(slots - 1)).astype(np.int64)
