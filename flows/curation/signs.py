"""Signs of a text that no author meant: refusals, leaked instructions, damage, loops, personal data."""

import re
from collections import Counter
from collections.abc import Sequence

REFUSALS = re.compile(
    r"\W*(?:(?:i'?m|i am|we'?re) (?:sorry|afraid|unable)\b[^.!?]{0,60}"
    r"\b(?:can|cannot|can't|unable|not able|help|assist)"
    r"|i (?:can(?:no|')t|can’t|won't|won’t|will not|must decline|am unable to|am not able to)[^.!?]{0,30}"
    r"\b(?:help|assist|fulfil|fulfill|provide|comply|create|generate|write|continue|do that)"
    r"|as an? (?:ai|artificial intelligence|language model|large language model)\b"
    r"|es tut mir leid,? (?:aber )?ich kann|als (?:ki|sprachmodell)\b|je suis désolée?,? (?:mais )?je ne peux"
    r"|en tant qu(?:e modèle de langage|'ia\b|’ia\b)|lo siento,? (?:pero )?no puedo|como (?:modelo de lenguaje|ia\b)"
    r"|mi dispiace,? (?:ma )?non posso|sinto muito,? (?:mas )?não posso|przykro mi,? (?:ale )?nie mogę"
    r"|извините,? (?:но )?я не могу|как языковая модель|申し訳(?:ありません|ございません)が.{0,20}(?:できません|お答え)"
    r"|(?:很)?抱歉.{0,4}我(?:不能|无法)|作为(?:一个)?(?:人工智能|AI|语言模型)|عذر(?:ا|ًا).{0,6}لا (?:أستطيع|يمكنني)"
    r"|क्षमा करें,? (?:लेकिन )?मैं .{0,30}नहीं)",
    re.IGNORECASE,
)
"""Openings of an answer that declines; matched at the start of a text alone, so that writing about refusals is free."""
CHATTER = re.compile(
    r"\W*(?:sure|certainly|of course|absolutely|great question)[!,.]? (?:here|i'd|i’d|i will|i'll|let me|below)"
    r"|\W*here(?:'s| is| are) (?:the|your|an?) (?:json|requested|example|answer|output|query|document|text)\b",
    re.IGNORECASE,
)
LEAKS = re.compile(
    r"\{\{|\}\}|\{%|<\|(?:im_start|im_end|endoftext|assistant|user|system)|\[/?INST\]|</?think>"
    r"|\b(?:user_query|positive_document|hard_negative_document|misleading_label|input_text|json_object|json_schema)\b"
    r"|\bhard negative\b|\b(?:positive|negative) document\b|^\s*[{\[]\s*\"\w+\"\s*:|\"\s*:\s*\"[^\"]*\"\s*[,}]",
    re.MULTILINE,
)
"""Template marks, chat tokens, names of reply keys and JSON remains."""
LEAK_HINTS = ("{", "}", "<|", "[INST", "[/INST", "think>", "_", "hard negative", "document", '":')
"""One of these stands in every leak: a quick look before the slow one."""
DAMAGE = re.compile(
    "[\ufffd\ud800-\udfff\x00-\x08\x0b\x0c\x0e-\x1f]|Ã[\x80-\xbf©¨¤¶¼«»¢£§]|â€[\x99\x9c\x9d™œ“”]|Â[\xa0-\xbf]"
)
"""Replacement characters, halves of characters, control characters, and UTF-8 read as Latin-1."""
EMAIL = re.compile(r"\b[\w.+-]+@[\w-]+\.[a-z]{2,}\b", re.IGNORECASE)
PHONE = re.compile(r"(?<![\w.,:/-])(?:\+\d{1,3}[\s.-]?)(?:\(?\d{2,4}\)?[\s.-]?){2,4}\d{2,4}(?![\w-])")
KEY = re.compile(r"\b(?:sk-[A-Za-z0-9]{20,}|hf_[A-Za-z0-9]{20,}|AKIA[A-Z0-9]{16}|ghp_[A-Za-z0-9]{30,})\b")
RESERVED = re.compile(r"@(?:[\w-]+\.)*(?:example\.(?:com|org|net)|[\w-]+\.(?:test|example|invalid))\b", re.IGNORECASE)


def refusal(text: str) -> str | None:
    """Give the opening words of an answer that declines or chats, or None."""
    found = REFUSALS.match(text) or CHATTER.match(text)
    return found.group()[:80] if found else None


def leak(text: str) -> str | None:
    """Give the piece of instruction or markup that leaked into a text, or None."""
    if not any(hint in text for hint in LEAK_HINTS):
        return None
    found = LEAKS.search(text)
    return found.group()[:80] if found else None


def damage(text: str) -> str | None:
    """Give the first sign of broken encoding, or None."""
    if text.isascii() and text.isprintable():
        return None
    found = DAMAGE.search(text)
    return ascii(found.group())[:80] if found else None


def repetition(words: Sequence[str], size: int) -> float:
    """Share of a text's n-grams of `size` tokens that repeat an earlier one; 0 below ten times as many tokens."""
    if len(words) < 10 * size:
        return 0.0
    grams = Counter(zip(*(words[start:] for start in range(size)), strict=False))
    total = len(words) - size + 1
    return round(1 - len(grams) / total, 4)


def personal_data(text: str) -> list[str]:
    """Name the kinds of personal data in a text: email, phone, key; reserved example domains are nobody's."""
    kinds = []
    if "@" in text and any(not RESERVED.search(found.group()) for found in EMAIL.finditer(text)):
        kinds.append("email")
    if "+" in text and PHONE.search(text):
        kinds.append("phone")
    if KEY.search(text):
        kinds.append("key")
    return kinds
