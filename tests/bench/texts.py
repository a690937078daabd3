"""Rows for the benchmark of curation: recorded replies of a language model, perturbed until there are enough.

A fresh row is a recorded sentence that goes on as another one, with four in five of its rarer words exchanged: for
words of the same language as often as they occur there, or for new ones put together from two, so that the vocabulary
grows with the rows as that of names and typos does. A part of the rows are near-copies: earlier rows with a few words
inserted, left out, exchanged or moved. Half of those copy one of few rows again and again, as models do: one row in
300, each some 45 times however many rows there are, so that true pairs grow as the rows do.
"""

import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

RECORDED = Path(__file__).parents[2] / "prompts" / "recordings" / "quickstart.jsonl"
COMMON = 40
"""Words of a language that are never exchanged."""
UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")


@dataclass(frozen=True)
class Language:
    """What one language's rows are made of; a word is a sign where no spaces separate words."""

    sentences: list[list[str]]
    words: list[str]
    """All words as often as they occur."""
    common: frozenset[str]
    join: str

    def draw(self, rng: random.Random) -> str:
        """Give a word, known or new."""
        word = rng.choice(self.words)
        if self.join and rng.random() < 0.3:
            other = rng.choice(self.words)
            return word[: len(word) // 2 + 1] + other[len(other) // 2 :]
        return word


def recorded_texts(path: Path = RECORDED) -> Iterator[tuple[str, str]]:
    """Yield language and text of what a model replied."""
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if record["prompt"] == "e5/bitext":
            continue  # its texts are in two languages
        language = record["variables"].get("language", "English")
        for field in json.loads(record["reply"]["text"]).values():
            for text in field if isinstance(field, list) else [field]:
                yield language, text


def languages() -> tuple[list[Language], list[int]]:
    """Give the recorded languages and how much there is of each."""
    sentences: dict[str, list[list[str]]] = defaultdict(list)
    for language, text in recorded_texts():
        for sentence in re.split(r"(?<=[.!?。？])\s*", text):
            words = list(sentence) if UNSPACED.search(sentence) else sentence.split()
            if 4 <= len(words) <= 40:
                sentences[language].append(words)
    found = []
    for rows in sentences.values():
        words = [word for row in rows for word in row]
        common = frozenset(word for word, _ in Counter(words).most_common(COMMON))
        found.append(Language(rows, words, common, "" if UNSPACED.search("".join(rows[0])) else " "))
    return found, [len(language.words) for language in found]


def short_rows(rows: int, *, near: float = 0.3, seed: int = 0) -> list[str]:
    """Make queries and tasks, `near` of them near-copies of earlier ones."""
    rng = random.Random(seed)
    known, weights = languages()
    made: list[tuple[Language, list[str]]] = []
    hubs = max(1, rows // 300)
    for _ in range(rows):
        if made and rng.random() < near:
            pool = min(len(made), hubs) if rng.random() < 0.5 else len(made)
            language, words = made[rng.randrange(pool)]
            made.append((language, _copied(rng, language, words)))
        else:
            language = rng.choices(known, weights)[0]
            made.append((language, _fresh(rng, language)))
    return [language.join.join(words) for language, words in made]


def long_rows(rows: int, *, near: float = 0.3, seed: int = 0, words: int = 160) -> Iterator[str]:
    """Make documents of about so many words; a near-copy leaves out, exchanges or moves some sentences or words."""
    rng = random.Random(seed)
    known, weights = languages()
    kept: list[tuple[Language, list[list[str]]]] = []
    for _ in range(rows):
        if kept and rng.random() < near:
            language, sentences = rng.choice(kept)
            sentences = [
                _copied(rng, language, each) if rng.random() < 0.2 else each
                for each in sentences
                if rng.random() > 0.02
            ]
        else:
            language = rng.choices(known, weights)[0]
            sentences = []
            while sum(map(len, sentences)) < words:
                sentences.append(_fresh(rng, language))
            if len(kept) < 4096:
                kept.append((language, sentences))
        yield language.join.join(word for sentence in sentences for word in sentence)


def triples(rows: int, *, near: float = 0.3, seed: int = 0, words: int = 65) -> Iterator[tuple[str, str, str]]:
    """Make queries with two documents of about so many words, in the query's language, sharing words with it.

    `near` of the queries are near-copies, as in `short_rows`.
    """
    rng = random.Random(seed)
    known, weights = languages()
    kept: list[tuple[Language, list[str]]] = []
    for _ in range(rows):
        if kept and rng.random() < near:
            language, query = rng.choice(kept)
            query = _copied(rng, language, query)
        else:
            language = rng.choices(known, weights)[0]
            query = _fresh(rng, language)
            if len(kept) < rows // 20:
                kept.append((language, query))
        texts = [query, rng.sample(query, len(query) // 2), []]
        for text in texts[1:]:
            while len(text) < words:
                text += _fresh(rng, language)
        first, second, third = (language.join.join(text) for text in texts)
        yield first, second, third


def _fresh(rng: random.Random, language: Language) -> list[str]:
    row, other = rng.choice(language.sentences), rng.choice(language.sentences)
    words = row[: rng.randint(4, len(row))] + (other[rng.randint(1, len(other)) :] if rng.random() < 0.6 else [])
    return [word if word in language.common or rng.random() < 0.2 else language.draw(rng) for word in words]


def _copied(rng: random.Random, language: Language, words: Sequence[str]) -> list[str]:
    row = list(words)
    for _ in range(rng.choice((0, 1, 1, 2, 2, 3, 4))):
        at, kind = rng.randrange(len(row)), rng.randrange(4)
        if kind == 0:
            row.insert(at, language.draw(rng))
        elif kind == 1 and len(row) > 2:
            del row[at]
        elif kind == 2:
            row[at] = language.draw(rng)
        else:
            other = rng.randrange(len(row))
            row[at], row[other] = row[other], row[at]
    return row
