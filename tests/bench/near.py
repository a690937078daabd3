"""Measure the search for near-copies against exhaustive rapidfuzz and other libraries, in one run.

    python tests/bench/near.py [--rows 5000 20000 100000] [--million] [--texts FILE.jsonl] [--near 0.3] [--seed 0]

Rows are sentences put together from parts with content words of a Zipf-Mandelbrot distribution and, given --texts,
the texts of a JSONL file (strings, or objects with a `query`, `task` or `text`); a part of them (--near) are edited
copies of earlier rows. All methods look for pairs with ROUGE-L F1 >= --threshold and, where a library only estimates,
have rapidfuzz verify its candidates. Up to --exhaustive rows the truth comes from rapidfuzz's cdist, beyond it from the
join. datasketch, rensa and semhash are measured where they are installed. Peak is memory beyond what was held before.
"""

import argparse
import gc
import json
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Indel
from rapidfuzz.process import cdist, cpdist

from flows.curation.near import NearPolicy, near_pairs, near_twins
from flows.curation.tokens import tokens

Pairs = NDArray[np.int64]
"""Pairs as lower row << 32 | higher row."""

OPENINGS = """Given a {N} about {N},|Find|Retrieve|Explain|Summarize|Compare|List|Describe|Write a short {N} about
What is|How do I {V}|Why would a {N} {V}|Can you {V}|Suggest|Identify|Which {N} should {V}|Is it safe to {V}
Rewrite for a {A} {N}|Classify|Recommend|For a {N} who wants to {V},|Outline|Tell me whether|In the {A} {N},"""
MIDDLES = """{A} {N} that {V} the {N}|the {A} difference between {N} and {N}|{N} for {A} {N} and {N}|the {N} of {A} {N}
how {N} {V} {N}|documents on {A} {N} in {N}|the {A} claim that {N} {V} {N}|three {A} {N} to {V} {N}|a {N} without {N}
whether {A} {N} and {N} {V} each other|{N} versus {N} as {A} {N}|the {N}, the {N} and their {A} {N}"""
ENDINGS = """.|and give {A} examples|in one {A} {N}|before the {N}|for {N} on a {A} {N}|despite {A} {N}|step by step
with respect to {N} and {N}|that a {A} {N} can {V}|and its {N}|since the {A} {N} of {N}|using only {N}?"""
SYLLABLES = [a + b + c for a in "b c d f g k l m n p r s t v br ch gr pl st".split() for b in "aeiou" for c in " nrslt"]


def build(rows: int, *, near: float, seed: int, texts: Sequence[str] = ()) -> list[str]:
    """Make rows, `near` of them edited copies of earlier ones; a larger set has more words, as language does."""
    rng = random.Random(seed)
    words = _vocabulary(rng, 20_000 + int(150 * rows**0.5))
    cuts = {"N": words[0::5] + words[1::5] + words[2::5], "A": words[3::5], "V": words[4::5]}
    parts = [part.replace("\n", "|").split("|") for part in (OPENINGS, MIDDLES, ENDINGS)]
    out: list[str] = []
    for _ in range(rows):
        if out and rng.random() < near:
            out.append(_edited(rng, rng.choice(out), words))
        elif texts and len(out) < len(texts):
            out.append(texts[len(out)])
        else:
            out.append(" ".join(_fill(rng, rng.choice(group), cuts) for group in parts))
    return out


def _vocabulary(rng: random.Random, size: int) -> list[str]:
    found: dict[str, None] = {}
    while len(found) < size:
        found["".join(rng.choice(SYLLABLES).strip() for _ in range(rng.choice((1, 2, 2, 2, 3))))] = None
    return list(found)


def _draw(rng: random.Random, words: Sequence[str], flat: int = 100) -> str:
    """Draw by 1 / (rank + flat): the commonest content words stay below a percent."""
    return words[min(int(flat * ((len(words) + flat) / flat) ** rng.random() - flat), len(words) - 1)]


def _fill(rng: random.Random, part: str, cuts: dict[str, list[str]]) -> str:
    return " ".join(word if word[0] != "{" else _draw(rng, cuts[word[1]]) + word[3:] for word in part.split())


def _edited(rng: random.Random, text: str, words: Sequence[str]) -> str:
    row = text.split()
    for _ in range(rng.choice((0, 1, 1, 2, 2, 3, 4))):
        at, kind = rng.randrange(len(row)), rng.randrange(4)
        if kind == 0:
            row.insert(at, _draw(rng, words))
        elif kind == 1 and len(row) > 2:
            del row[at]
        elif kind == 2:
            row[at] = _draw(rng, words)
        else:
            other = rng.randrange(len(row))
            row[at], row[other] = row[other], row[at]
    return " ".join(row)


def as_characters(texts: Sequence[str]) -> list[str]:
    """One character for each token, which is how rapidfuzz reads token sequences fast."""
    table: dict[str, str] = {}
    return ["".join([table.setdefault(word, chr(len(table) + 1)) for word in tokens(text)]) for text in texts]


def exhaustive(texts: Sequence[str], threshold: float) -> Pairs:
    rows, found = as_characters(texts), [np.zeros(0, np.int64)]
    for top in range(0, len(rows), 512):
        scores = cdist(
            rows[top : top + 512],
            rows[top:],
            scorer=Indel.normalized_similarity,
            score_cutoff=threshold - 1e-9,
            dtype=np.float64,
        )
        one, other = np.nonzero(scores >= threshold)
        found.append((one[other > one] + top) << 32 | (other[other > one] + top))
    return np.concatenate(found)


def join(texts: Sequence[str], threshold: float) -> Pairs:
    found = near_pairs(texts, NearPolicy("rouge_l", threshold))
    return found.one << 32 | found.other


def verified(texts: Sequence[str], threshold: float, candidates: Iterator[tuple[int, Sequence[int]]]) -> Pairs:
    """Let rapidfuzz decide on a library's candidates: for each row, rows like it."""
    rows, found = as_characters(texts), [np.zeros(0, np.int64)]

    def flush(one: list[int], other: list[int]) -> None:
        scores = cpdist(
            [rows[x] for x in one], [rows[x] for x in other], scorer=Indel.normalized_similarity, dtype=np.float64
        )
        near = scores >= threshold
        found.append(np.array(one, np.int64)[near] << 32 | np.array(other, np.int64)[near])

    one, other = list[int](), list[int]()
    for row, others in candidates:
        later = [int(place) for place in others if place > row]
        one += [row] * len(later)
        other += later
        if len(one) > 1 << 18:
            flush(one, other)
            one, other = [], []
    flush(one, other)
    return np.concatenate(found)


def datasketch(texts: Sequence[str], threshold: float, bands: tuple[int, int] | None) -> Pairs:
    from datasketch import MinHash, MinHashLSH

    permutations = bands[0] * bands[1] if bands else 128
    index = MinHashLSH(threshold=threshold, num_perm=permutations, params=bands)
    sketches = MinHash.bulk([[word.encode() for word in tokens(text)] for text in texts], num_perm=permutations)
    with index.insertion_session() as session:
        for row, sketch in enumerate(sketches):
            session.insert(row, sketch, check_duplication=False)
    return verified(texts, threshold, ((row, index.query(sketch)) for row, sketch in enumerate(sketches)))


def rensa(texts: Sequence[str], threshold: float, bands: int, permutations: int) -> Pairs:
    from rensa import RMinHash, RMinHashLSH

    sketches = RMinHash.from_token_sets([tokens(text) for text in texts], permutations, 0)
    index = RMinHashLSH(threshold, permutations, bands)
    index.insert_many(sketches)
    return verified(texts, threshold, ((row, index.query(sketch)) for row, sketch in enumerate(sketches)))


def semhash(texts: Sequence[str], threshold: float) -> Pairs:
    """Pairs of a row it filters and the row that it names for it; words are encoded by fixed random vectors."""
    from semhash import SemHash

    class Encoder:
        def encode(self, inputs: Sequence[str], **_: object) -> NDArray[np.float32]:
            vectors: dict[str, NDArray[np.float32]] = {}
            rng = np.random.default_rng(0)
            return np.stack(
                [
                    sum(
                        (vectors.setdefault(word, rng.standard_normal(128, np.float32)) for word in tokens(text)),
                        np.zeros(128, np.float32),
                    )
                    for text in inputs
                ]
            )

    records = [{"text": text, "row": str(row)} for row, text in enumerate(texts)]
    result = SemHash.from_records(records, columns=["text"], model=Encoder()).self_deduplicate(threshold)
    pairs = [sorted((int(gone.record["row"]), int(gone.duplicate_of["row"]))) for gone in result.filtered]
    return np.array([one << 32 | other for one, other in pairs], np.int64)


@dataclass(frozen=True)
class Method:
    name: str
    needs: str | None
    most_rows: int
    find: Callable[[Sequence[str], float], Pairs]


METHODS = [
    Method("rapidfuzz cdist, all pairs", None, 20_000, exhaustive),
    Method("triplesmith near_pairs", None, 10**9, join),
    Method("rensa 128 permutations, 32 bands, verified", "rensa", 100_000, lambda t, s: rensa(t, s, 32, 128)),
    Method("rensa 126 permutations, 42 bands, verified", "rensa", 100_000, lambda t, s: rensa(t, s, 42, 126)),
    Method("datasketch defaults, verified", "datasketch", 100_000, lambda t, s: datasketch(t, s, None)),
    Method("datasketch 42 bands of 3, verified", "datasketch", 100_000, lambda t, s: datasketch(t, s, (42, 3))),
    Method("semhash, names one pair per dropped row", "semhash", 100_000, semhash),
]


def measure(find: Callable[[], object]) -> tuple[object, float, float]:
    """Result, seconds and peak MB beyond what was held before (nan where Linux's counters are not there)."""
    gc.collect()
    before = _status("VmRSS")
    if before == before:
        Path("/proc/self/clear_refs").write_text("5")
    start = time.perf_counter()
    result = find()
    seconds = time.perf_counter() - start
    return result, seconds, _status("VmHWM") - before


def _status(key: str) -> float:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return float("nan")
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(key))


def read_texts(path: Path) -> list[str]:
    found = []
    for line in path.read_text().splitlines():
        value = json.loads(line)
        text = (
            value
            if isinstance(value, str)
            else next((value[key] for key in ("query", "task", "text") if key in value), None)
        )
        if isinstance(text, str):
            found.append(text)
    return found


def compare(texts: Sequence[str], args: argparse.Namespace) -> float:
    """Print the table for one set of rows; returns seconds per row of the join."""
    join(texts[:1000], args.threshold)  # imports and tables are not what is measured
    truth, seconds_join, peak = measure(lambda: join(texts, args.threshold))
    source = "near_pairs"
    print(
        f"\n{len(texts):,} rows, {sum(len(tokens(text)) for text in texts[:5000]) / len(texts[:5000]):.1f} words each"
    )
    print(f"{'method':<44}{'s':>9}{'rows/s':>11}{'pairs':>11}{'recall':>9}{'precision':>11}{'peak MB':>9}{'ratio':>9}")
    for method in METHODS:
        limit = args.exhaustive if method.find is exhaustive else min(method.most_rows, args.most_rows)
        if len(texts) > limit and method.find is not join:
            continue
        if method.needs and not find_spec(method.needs):
            print(f"{method.name:<44}  not installed")
            continue
        if method.find is join:
            pairs, seconds, memory = truth, seconds_join, peak
        else:
            pairs, seconds, memory = measure(lambda find=method.find: find(texts, args.threshold))
        if method.find is exhaustive:
            truth, source = pairs, "cdist"
        common = len(np.intersect1d(pairs, truth))
        recall, precision = common / max(len(truth), 1), common / max(len(pairs), 1)
        print(
            f"{method.name:<44}{seconds:9.2f}{len(texts) / seconds:11,.0f}{len(pairs):11,}{recall:9.4f}"
            f"{precision:11.4f}{memory:9.0f}{seconds / seconds_join:9.1f}",
            flush=True,
        )
    twins, seconds, memory = measure(lambda: near_twins(texts, NearPolicy("rouge_l", args.threshold)))
    dropped = f"{sum(twin is not None for twin in twins):,} rows dropped"
    print(f"{'triplesmith near_twins':<44}{seconds:9.2f}{len(texts) / seconds:11,.0f}{dropped:>31}{memory:9.0f}")
    print(f"recall and precision against {source}")
    return seconds_join / len(texts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[5_000, 20_000, 100_000])
    parser.add_argument("--million", action="store_true", help="a million rows too, with the join alone")
    parser.add_argument("--texts", type=Path, help="JSONL of real texts to begin the rows with")
    parser.add_argument("--near", type=float, default=0.3, help="part of the rows that are edited copies")
    parser.add_argument("--threshold", type=float, default=0.7)
    parser.add_argument("--exhaustive", type=int, default=20_000, help="most rows for the exhaustive comparison")
    parser.add_argument("--most-rows", type=int, default=100_000, help="most rows for other libraries")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    texts = read_texts(args.texts) if args.texts else []
    per_row = {}
    for rows in [*args.rows, *([1_000_000] if args.million else [])]:
        per_row[rows] = compare(build(rows, near=args.near, seed=args.seed, texts=texts), args)
    print("\nmicroseconds per row:", ", ".join(f"{rows:,}: {1e6 * seconds:.1f}" for rows, seconds in per_row.items()))


if __name__ == "__main__":
    sys.exit(main())
