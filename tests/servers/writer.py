"""Write replies as a model would: in the language, length and shape that a prompt asks for.

The text is real words of the language in random order: enough for curation to see what it looks for (script,
language, length, no copies), and plainly no data set.
"""

import json
import re
from functools import cache
from pathlib import Path
from random import Random

from flows.domain.languages import language

LEXICON = Path(__file__).with_name("lexicon.json")
UNSPACED = {"ja", "zh", "th", "lo", "km", "my"}
PARAMETER = re.compile(r"^- ([A-Z][^:\n]*): (.*)$", re.MULTILINE)
KEY = re.compile(r'^- "(\w+)": ', re.MULTILINE)
VERBS = "Find Match Retrieve Classify Identify Judge Sort Pair Recognise Assign Determine Locate".split()


@cache
def lexicon() -> dict[str, tuple[str, tuple[str, ...]]]:
    """English name -> code and words of every language."""
    data = json.loads(LEXICON.read_text(encoding="utf-8"))
    return {language(code).name: (code, tuple(entry["words"])) for code, entry in data.items()}


def write_reply(prompt: str, schema: dict | None, rng: Random) -> str:
    """Give the JSON text that answers `prompt`; keys from the schema, else from the prompt's own list of them."""
    asked = dict(PARAMETER.findall(prompt))
    keys = list(schema["properties"]) if schema else list(dict.fromkeys(KEY.findall(prompt)))
    if keys == ["tasks"]:
        return json.dumps({"tasks": [_task(rng) for _ in range(int(asked["Number of tasks"]))]}, ensure_ascii=False)
    language = asked.get("Language", asked.get("Source language", "English"))
    target = asked.get("Target language", language)
    texts = {}
    for key in keys:
        words = _length(key, asked, rng)
        texts[key] = text_of(target if key in ("S2", "S3") else language, words, rng)
    if {"S1", "S2", "S3"} <= texts.keys():
        # the closer text shares more words with the first, or with the translation, than the other one does
        base = texts["S1"] if target == language else texts["S2"]
        texts["S2"] = base if target != language else _changed(base, language, 0.35, rng)
        texts["S3"] = _changed(base, target, 0.7, rng)
    return json.dumps(texts, ensure_ascii=False)


def text_of(language: str, words: int, rng: Random) -> str:
    """Give so many words of a language, in sentences."""
    code, vocabulary = lexicon()[language]
    drawn = rng.choices(vocabulary, k=words)
    if code in UNSPACED:
        return "".join(drawn)
    return " ".join(drawn)


def _length(key: str, asked: dict[str, str], rng: Random) -> int:
    label = {
        "user_query": "Query length",
        "positive_document": "Document length",
        "hard_negative_document": "Document length",
        "input": "Document length",
        "input_text": "Text length",
    }.get(key)
    if "label" in key:
        return 2
    if label not in asked:
        return rng.randint(12, 22) if key.startswith("S") else rng.randint(5, 9)
    numbers = [int(number) for number in re.findall(r"\d+", asked[label])]
    if asked[label].startswith("less than"):
        return max(2, numbers[0] - rng.randint(1, 2))
    if len(numbers) == 2:
        return rng.randint(numbers[0] + 1, numbers[1] - 1)
    return numbers[0] + rng.randint(2, 8)


def _changed(text: str, language: str, share: float, rng: Random) -> str:
    code, vocabulary = lexicon()[language]
    pieces = [text[i : i + 2] for i in range(0, len(text), 2)] if code in UNSPACED else text.split()
    changed = [rng.choice(vocabulary) if rng.random() < share else piece for piece in pieces]
    return ("" if code in UNSPACED else " ").join(changed)


def _task(rng: Random) -> str:
    words = [word for word in lexicon()["English"][1] if len(word) > 3]
    return f"{rng.choice(VERBS)} {' '.join(rng.choices(words, k=rng.randint(9, 14)))}."
