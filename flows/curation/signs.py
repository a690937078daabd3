"""Signs of a text that was damaged, runs in circles or tells of a person."""

import re
import zlib
from collections.abc import Iterable, Sequence

UNREADABLE = re.compile("[\ud800-\udfff\x00-\x08\x0e-\x1a\x1c-\x1f]")
"""Halves of characters and control characters."""
_TAIL = r"[\x80-\xaa\xac-\xba\xbc-\xbf]"
MANGLED = re.compile(
    r"(?<=\w)\ufffd|\ufffd(?=\w)"  # alone or quoted, the replacement character is what is written about
    rf"|(?<=\w)[ÃÂ]{_TAIL}|[ÃÂ]{_TAIL}(?=\w)|(?<=\w)â€[\x80-\xbf™œ“”¦˜]"
    r"|(?:[ÐÑØÙ][\x80-\xbf‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ€]){3}"
)
"""Replaced characters, and UTF-8 that was read as Latin-1."""
MANGLED_HINTS = ("\ufffd", "Ã", "Â", "â€", "Ð", "Ñ", "Ø", "Ù")
SURROGATE = re.compile("[\ud800-\udfff]")

EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}\b", re.IGNORECASE)
RESERVED = re.compile(r"[@.](?:example\.(?:com|org|net)|[\w-]+\.(?:test|example|invalid))\Z", re.IGNORECASE)
PHONE = re.compile(r"(?<![\w.,:/+-])\+\d{1,3}[\s.-]?(?:\(?\d{2,4}\)?[\s.-]?){2,4}\d{2,4}(?![\w-])")
KEY = re.compile(
    r"\b(?:sk-[\w-]{20,}|hf_[A-Za-z0-9]{20,}|gh[po]_[A-Za-z0-9]{30,}|AKIA[A-Z0-9]{16}|xox[abps]-[\w-]{10,})"
    r"|-----BEGIN (?:\w+ )?PRIVATE KEY-----"
)
INCOMPRESSIBLE = 100
"""Bytes below which no text is compressed, since even one letter over and over shrinks less than ten times."""
LOOPED = 2.5
"""A text whose second half runs in circles is compressed as a whole by at least so many times."""
FEWEST_UNITS = 6
FEW_DIFFERENT = 3
"""Different words that a loop has at most; a refrain, a log or a table has more."""
KEY_HINTS = ("sk-", "hf_", "ghp_", "gho_", "AKIA", "xox", "PRIVATE KEY")


def damage(text: str) -> int:
    """Count broken characters."""
    broken = 0 if "".join(text.split()).isprintable() else len(UNREADABLE.findall(text))
    if any(hint in text for hint in MANGLED_HINTS):
        broken += len(MANGLED.findall(text))
    return broken


def surrogates(text: str) -> int:
    """Count halves of characters, which no file can hold."""
    return 0 if text.isascii() else len(SURROGATE.findall(text))


def repetition(text: str) -> float:
    """How many times smaller compression makes a text or its second half: the larger of the two, 1 decimal."""
    content = text.encode("utf-8", "replace")
    times = _compressed(content)
    if times >= LOOPED:
        times = max(times, _compressed(content[len(content) // 2 :]))
    return round(times, 1)


def loops(units: Sequence[str]) -> float:
    """How many times over a text says its words (or characters), when they are three at most; 1 for any other text."""
    said = [unit for unit in units if not unit.isdecimal()]
    different = len(set(said))
    return round(len(said) / different, 1) if len(said) >= FEWEST_UNITS and different <= FEW_DIFFERENT else 1.0


def personal_data(texts: Iterable[str]) -> list[str]:
    """Name the kinds of personal data in texts: email, key, phone; reserved example domains are nobody's."""
    kinds = set()
    for text in texts:
        if "@" in text and any(not RESERVED.search(found.group()) for found in EMAIL.finditer(text)):
            kinds.add("email")
        if "+" in text and PHONE.search(text):
            kinds.add("phone")
        if any(hint in text for hint in KEY_HINTS) and KEY.search(text):
            kinds.add("key")
    return sorted(kinds)


def _compressed(content: bytes) -> float:
    if len(content) < INCOMPRESSIBLE:
        return 1.0 if content else 0.0
    return len(content) / len(zlib.compress(content, 1))
