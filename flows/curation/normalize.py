"""Fold text to the form in which it is compared, and count its words in any script."""

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from unicodedata import category, normalize

from flows.domain.languages import language

SIGNS_PER_WORD = {"zh": 1.7, "ja": 1.7, "th": 4.0, "lo": 4.0, "km": 5.0, "my": 5.0}
"""Characters, marks included, that say as much as a word where no spaces separate words.

Rules of thumb from translated prose, on the low side: a text is rather counted too long than too short.
"""
UNSPACED = re.compile(
    "[\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u0edc-\u0edf\u1000-\u109f\ua9e0-\ua9fe\uaa60-\uaa7f\u1780-\u17d3]+"
)
"""Runs of Han and Kana, Thai, Lao, Burmese, Khmer."""
WORDY = re.compile(r"\w")
MINUS = re.compile(r"[-\u2013](?<!\w.)(?=\d)")
"""A dash that makes a number negative; any other dash is punctuation."""


@lru_cache(maxsize=64)
def fold_text(text: str) -> str:
    """Give the text without case, punctuation, compatibility and invisible characters, one space between words.

    What changes a meaning stays: vowel signs and accents, symbols (`+`, `<`, `°`, emoji), `#`, `%`, `&`, `@`, `/`
    and the sign of a number, so that C, C++ and C# stay three, and -5 is not 5.
    """
    folded = text.lower() if text.isascii() else _casefold(normalize("NFKC", text.casefold()))
    if "-" in folded or "\u2013" in folded:
        folded = MINUS.sub("\u2212", folded)
    if folded.isascii():
        return " ".join(folded.translate(KEPT_ASCII).split())
    for char in set(folded):
        kept = _kept(char)
        if kept != char:
            folded = folded.replace(char, kept)
    return " ".join(folded.split())


def _casefold(text: str) -> str:
    folded = text.casefold()
    return text if folded == text else normalize("NFKC", folded)


@cache
def _kept(char: str) -> str:
    """What stays of a character: itself, a space or nothing."""
    kind = category(char)
    if kind == "Cf" or "\ufe00" <= char <= "\ufe0f":
        return ""
    if char in "#%&@/\\":
        return char
    return " " if kind[0] in "PZC" or char in "`|~" else char


KEPT_ASCII = {point: _kept(chr(point)) for point in range(128)}


def units(folded: str, code: str) -> Sequence[str]:
    """Cut folded text into what its n-grams are made of: words, or characters where words are not separated."""
    return folded.split() if language(code).spaced else folded.replace(" ", "")


def unit_count(words: int, code: str) -> int:
    """How many units of a language make so many words."""
    return round(words * SIGNS_PER_WORD.get(code, 1))


def count_words(text: str, code: str) -> int:
    """Count words as a reader of the language would; where no spaces separate them, from the number of characters.

    A token of punctuation alone is no word, a compound with a hyphen or an apostrophe is one.
    """
    signs = 0
    if code in SIGNS_PER_WORD:
        rest, runs = UNSPACED.subn(" ", text)
        signs, text = len(text) - len(rest) + runs, rest
    tokens = text.split()
    odd = [token for token in tokens if not token.isalnum()]
    return len(tokens) - sum(not WORDY.search(token) for token in odd) + round(signs / SIGNS_PER_WORD.get(code, 1))
