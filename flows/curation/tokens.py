"""Cut text into the words that similarity between texts is counted in."""

import re
from functools import cache
from unicodedata import category, normalize

UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f"  # Burmese
    "\u1780-\u17ff"  # Khmer
    "\u1950-\u19df\u1a20-\u1aaf"  # Tai Le, New Tai Lue, Tai Tham
    "\u3005-\u30ff\u3100-\u312f\u31a0-\u31ff\U0001b000-\U0001b16f"  # Kana, Bopomofo
    "\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af"  # Han
)
"""Scripts that put no space between words, as the inside of a character class."""

_ASCII = re.compile(r"[0-9a-z]+|[$+<=>|~]")
"""What `_patterns` find in ASCII text, several times as fast."""
_ASCII_SYMBOLS = b"$+<=>|~"
_ASCII_LETTERS = bytes(ord(chr(code).lower()) if code < 128 and chr(code).isalnum() else 32 for code in range(256))
"""Makes what is no letter or digit a space: without symbols, splitting there is faster still."""


def tokens(text: str) -> list[str]:
    """Give the text's words, compatibility-folded and without case or punctuation.

    A run of letters, marks and digits is one token. In scripts without spaces (Han, Kana, Thai, Lao, Khmer, Burmese)
    every letter with its marks is one, and so is every symbol (`+`, `<`, an emoji): `x < 3` is not `x > 3`.
    """
    if text.isascii():
        encoded = text.encode()
        if len(encoded.translate(None, _ASCII_SYMBOLS)) < len(encoded):
            return _ASCII.findall(text.lower())
        return encoded.translate(_ASCII_LETTERS).decode().split()
    plain, odd, every = _patterns()
    folded = fold(text)
    return (every if odd.search(folded) else plain).findall(folded)


def fold(text: str) -> str:
    """Fold compatibility forms and case."""
    normal = normalize("NFKC", text)
    folded = normal.casefold()
    return normal if folded == normal else normalize("NFKC", folded)


@cache
def marks_and_symbols() -> tuple[str, str]:
    """Give marks and symbols as the insides of character classes, which `re` has none for."""
    plane = [(chr(point), category(chr(point))) for point in range(0x10000)]
    marks = "".join(char for char, kind in plane if kind[0] == "M" and not "\ufe00" <= char <= "\ufe0f")
    symbols = "".join(re.escape(char) for char, kind in plane if kind in ("Sm", "Sc", "So"))
    return marks, symbols + "\U0001f000-\U0001fbff"


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Give the pattern of tokens without marks in scripts with spaces, what it is not for, and that of all tokens.

    The first finds the same as the last in half the time.
    """
    marks, symbols = marks_and_symbols()
    letter = rf"[^\W_{UNSPACED}]"
    return (
        re.compile(rf"[^\W_]+|[{symbols}]"),
        re.compile(rf"[{marks}{UNSPACED}]"),
        re.compile(rf"{letter}+(?:[{marks}]+{letter}*)*|(?=[^\W_])[{UNSPACED}][{marks}]*|[{symbols}]"),
    )
