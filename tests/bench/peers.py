"""Ways to find near-duplicates that `curation.py` compares: all pairs by rapidfuzz, other libraries, triplesmith.

Each takes texts and a policy and gives pairs as lower row << 32 | higher row. Where a library only estimates, its
candidates are verified, so that its precision is 1 and what is compared is recall and time.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Indel
from rapidfuzz.process import cdist, cpdist

from flows.curation.near import NearPolicy, near_pairs
from flows.curation.tokens import tokens

Pairs = NDArray[np.int64]


@dataclass(frozen=True)
class Method:
    name: str
    needs: str | None
    """The library that is to be installed."""
    most_rows: int
    find: Callable[[Sequence[str], NearPolicy], Pairs]


def join(texts: Sequence[str], policy: NearPolicy) -> Pairs:
    found = near_pairs(texts, policy)
    return found.one << 32 | found.other


def all_pairs(texts: Sequence[str], policy: NearPolicy) -> Pairs:
    """Compare every row with every other: rapidfuzz's cdist, or set by set for jaccard."""
    found = [np.zeros(0, np.int64)]
    if policy.measure == "jaccard":
        sets = [_shingles(text, policy.shingle) for text in texts]
        for one, here in enumerate(sets):
            for other in range(one + 1, len(sets)):
                shared = len(here & sets[other])
                if shared / max(len(here) + len(sets[other]) - shared, 1) >= policy.threshold:
                    found.append(np.array([one << 32 | other]))
        return np.concatenate(found)
    rows = _as_characters(texts)
    for top in range(0, len(rows), 512):
        part = slice(top, top + 512)
        cutoff = policy.threshold - 1e-9
        scores = cdist(
            rows[part], rows[top:], scorer=Indel.normalized_similarity, score_cutoff=cutoff, dtype=np.float64
        )
        one, other = np.nonzero(scores >= policy.threshold)
        found.append((one[other > one] + top) << 32 | (other[other > one] + top))
    return np.concatenate(found)


def datasketch(bands: int | None, rows: int) -> Callable[[Sequence[str], NearPolicy], Pairs]:
    """Give MinHash LSH of datasketch; without bands it chooses them for the threshold."""

    def find(texts: Sequence[str], policy: NearPolicy) -> Pairs:
        from datasketch import MinHash, MinHashLSH

        permutations = bands * rows if bands else 128
        index = MinHashLSH(policy.threshold, permutations, params=(bands, rows) if bands else None)
        sketches = MinHash.bulk(
            [[item.encode() for item in row] for row in _items(texts, policy)], num_perm=permutations
        )
        with index.insertion_session() as session:
            for row, sketch in enumerate(sketches):
                session.insert(row, sketch, check_duplication=False)
        return _verified(texts, policy, ((row, index.query(sketch)) for row, sketch in enumerate(sketches)))

    return find


def rensa(bands: int, permutations: int) -> Callable[[Sequence[str], NearPolicy], Pairs]:
    """Give MinHash LSH of rensa."""

    def find(texts: Sequence[str], policy: NearPolicy) -> Pairs:
        from rensa import RMinHash, RMinHashLSH

        sketches = RMinHash.from_token_sets([*_items(texts, policy)], permutations, 0)
        index = RMinHashLSH(policy.threshold, permutations, bands)
        index.insert_many(sketches)
        return _verified(texts, policy, ((row, index.query(sketch)) for row, sketch in enumerate(sketches)))

    return find


def semhash(texts: Sequence[str], policy: NearPolicy) -> Pairs:
    """Pairs of a row that semhash filters and the row it names for it; words are encoded by fixed random vectors."""
    from semhash import SemHash

    class Encoder:
        def encode(self, inputs: Sequence[str], **_: object) -> NDArray[np.float32]:
            vectors: dict[str, NDArray[np.float32]] = {}
            rng = np.random.default_rng(0)
            rows = np.zeros((len(inputs), 128), np.float32)
            for row, text in zip(rows, inputs, strict=True):
                for word in tokens(text):
                    if word not in vectors:
                        vectors[word] = rng.standard_normal(128, np.float32)
                    row += vectors[word]
            return rows

    records = [{"text": text, "row": str(row)} for row, text in enumerate(texts)]
    hashed = SemHash.from_records(records, columns=["text"], model=Encoder())
    result = hashed.self_deduplicate(policy.threshold)
    pairs = [sorted((int(gone.record["row"]), int(gone.duplicates[0][0]["row"]))) for gone in result.filtered]
    return np.array([one << 32 | other for one, other in pairs], np.int64)


METHODS = (
    Method("all pairs", None, 20_000, all_pairs),
    Method("triplesmith", None, 10**9, join),
    Method("rensa, 32 bands of 4, verified", "rensa", 100_000, rensa(32, 128)),
    Method("rensa, 42 bands of 3, verified", "rensa", 100_000, rensa(42, 126)),
    Method("datasketch, defaults, verified", "datasketch", 100_000, datasketch(None, 0)),
    Method("datasketch, 42 bands of 3, verified", "datasketch", 100_000, datasketch(42, 3)),
    Method("semhash, one pair of each dropped row", "semhash", 100_000, semhash),
)


def _verified(texts: Sequence[str], policy: NearPolicy, candidates: Iterator[tuple[int, Sequence[int]]]) -> Pairs:
    """Decide on a library's candidates, for each row rows like it, as all pairs would."""
    rows = [_shingles(t, policy.shingle) for t in texts] if policy.measure == "jaccard" else _as_characters(texts)
    found = [np.zeros(0, np.int64)]
    one: list[int] = []
    other: list[int] = []

    def decide() -> None:
        if policy.measure == "jaccard":
            shared = np.array([len(rows[x] & rows[y]) for x, y in zip(one, other, strict=True)], np.int64)
            total = np.array([len(rows[x]) + len(rows[y]) for x, y in zip(one, other, strict=True)], np.int64)
            scores = shared / np.maximum(total - shared, 1)
        else:
            here, there = [rows[x] for x in one], [rows[y] for y in other]
            scores = cpdist(here, there, scorer=Indel.normalized_similarity, dtype=np.float64)
        near = scores >= policy.threshold
        found.append(np.array(one, np.int64)[near] << 32 | np.array(other, np.int64)[near])
        one.clear()
        other.clear()

    for row, others in candidates:
        later = [int(place) for place in others if place > row]
        one += [row] * len(later)
        other += later
        if len(one) > 1 << 18:
            decide()
    decide()
    return np.unique(np.concatenate(found))


def _items(texts: Sequence[str], policy: NearPolicy) -> Iterator[list[str]]:
    """What MinHash is made of: shingles, or words."""
    if policy.measure == "jaccard":
        return (["\0".join(words) for words in _shingles(text, policy.shingle)] for text in texts)
    return map(tokens, texts)


def _shingles(text: str, size: int) -> set[tuple[str, ...]]:
    words = tokens(text)
    return {tuple(words[at : at + size]) for at in range(max(len(words) - size + 1, min(len(words), 1)))}


def _as_characters(texts: Sequence[str]) -> list[str]:
    """One character for each token, which is how rapidfuzz reads token sequences fast."""
    table: dict[str, str] = {}
    return ["".join([table.setdefault(word, chr(len(table) + 1)) for word in tokens(text)]) for text in texts]
