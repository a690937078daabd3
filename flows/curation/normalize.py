"""Fold text to the form in which it is compared, and count its words in any script."""

import re

from flows.curation.tokens import tokens

SIGNS_PER_WORD = {"zh": 1.7, "ja": 1.9, "th": 4.0, "lo": 4.0, "km": 3.5, "my": 3.5}
"""Signs (letters with their marks) that make a word in languages without spaces: rules of thumb from segmented text."""
LATIN_RUN = re.compile(r"[0-9A-Za-z]+")


def fold_text(text: str) -> str:
    """Give the words alone, without case, punctuation or compatibility forms, one space between them."""
    return " ".join(tokens(text))


def count_words(text: str, code: str) -> int:
    """Count words as a reader of the language would; without spaces, from the number of signs."""
    per_word = SIGNS_PER_WORD.get(code)
    if per_word is None:
        return len(text.split())
    latin = len(LATIN_RUN.findall(text))
    signs = sum(not LATIN_RUN.fullmatch(token) for token in tokens(text))
    return latin + round(signs / per_word)
