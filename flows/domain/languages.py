"""The languages that rows are written in: those of XLM-R, from which arXiv 2401.00368 draws."""

import difflib
from dataclasses import dataclass

from flows.errors import UsageError


@dataclass(frozen=True, slots=True)
class Language:
    """One written language."""

    code: str
    """ISO 639 code."""
    name: str
    """English name, as prompts say it."""
    scripts: tuple[str, ...]
    """Scripts it is written in, as Unicode character names begin."""
    spaced: bool = True
    """Whether spaces separate its words."""


LANGUAGES = (
    Language("af", "Afrikaans", ("LATIN",)),
    Language("am", "Amharic", ("ETHIOPIC",)),
    Language("ar", "Arabic", ("ARABIC",)),
    Language("as", "Assamese", ("BENGALI",)),
    Language("az", "Azerbaijani", ("LATIN", "CYRILLIC")),
    Language("be", "Belarusian", ("CYRILLIC",)),
    Language("bg", "Bulgarian", ("CYRILLIC",)),
    Language("bn", "Bengali", ("BENGALI",)),
    Language("br", "Breton", ("LATIN",)),
    Language("bs", "Bosnian", ("LATIN", "CYRILLIC")),
    Language("ca", "Catalan", ("LATIN",)),
    Language("cs", "Czech", ("LATIN",)),
    Language("cy", "Welsh", ("LATIN",)),
    Language("da", "Danish", ("LATIN",)),
    Language("de", "German", ("LATIN",)),
    Language("el", "Greek", ("GREEK",)),
    Language("en", "English", ("LATIN",)),
    Language("eo", "Esperanto", ("LATIN",)),
    Language("es", "Spanish", ("LATIN",)),
    Language("et", "Estonian", ("LATIN",)),
    Language("eu", "Basque", ("LATIN",)),
    Language("fa", "Persian", ("ARABIC",)),
    Language("fi", "Finnish", ("LATIN",)),
    Language("fr", "French", ("LATIN",)),
    Language("fy", "Western Frisian", ("LATIN",)),
    Language("ga", "Irish", ("LATIN",)),
    Language("gd", "Scottish Gaelic", ("LATIN",)),
    Language("gl", "Galician", ("LATIN",)),
    Language("gu", "Gujarati", ("GUJARATI",)),
    Language("ha", "Hausa", ("LATIN",)),
    Language("he", "Hebrew", ("HEBREW",)),
    Language("hi", "Hindi", ("DEVANAGARI",)),
    Language("hr", "Croatian", ("LATIN",)),
    Language("hu", "Hungarian", ("LATIN",)),
    Language("hy", "Armenian", ("ARMENIAN",)),
    Language("id", "Indonesian", ("LATIN",)),
    Language("is", "Icelandic", ("LATIN",)),
    Language("it", "Italian", ("LATIN",)),
    Language("ja", "Japanese", ("CJK", "HIRAGANA", "KATAKANA"), spaced=False),
    Language("jv", "Javanese", ("LATIN",)),
    Language("ka", "Georgian", ("GEORGIAN",)),
    Language("kk", "Kazakh", ("CYRILLIC",)),
    Language("km", "Khmer", ("KHMER",), spaced=False),
    Language("kn", "Kannada", ("KANNADA",)),
    Language("ko", "Korean", ("HANGUL", "CJK")),
    Language("ku", "Kurdish", ("LATIN", "ARABIC")),
    Language("ky", "Kyrgyz", ("CYRILLIC",)),
    Language("la", "Latin", ("LATIN",)),
    Language("lo", "Lao", ("LAO",), spaced=False),
    Language("lt", "Lithuanian", ("LATIN",)),
    Language("lv", "Latvian", ("LATIN",)),
    Language("mg", "Malagasy", ("LATIN",)),
    Language("mk", "Macedonian", ("CYRILLIC",)),
    Language("ml", "Malayalam", ("MALAYALAM",)),
    Language("mn", "Mongolian", ("CYRILLIC",)),
    Language("mr", "Marathi", ("DEVANAGARI",)),
    Language("ms", "Malay", ("LATIN",)),
    Language("my", "Burmese", ("MYANMAR",), spaced=False),
    Language("ne", "Nepali", ("DEVANAGARI",)),
    Language("nl", "Dutch", ("LATIN",)),
    Language("no", "Norwegian", ("LATIN",)),
    Language("om", "Oromo", ("LATIN",)),
    Language("or", "Odia", ("ORIYA",)),
    Language("pa", "Punjabi", ("GURMUKHI",)),
    Language("pl", "Polish", ("LATIN",)),
    Language("ps", "Pashto", ("ARABIC",)),
    Language("pt", "Portuguese", ("LATIN",)),
    Language("ro", "Romanian", ("LATIN",)),
    Language("ru", "Russian", ("CYRILLIC",)),
    Language("sa", "Sanskrit", ("DEVANAGARI",)),
    Language("sd", "Sindhi", ("ARABIC",)),
    Language("si", "Sinhala", ("SINHALA",)),
    Language("sk", "Slovak", ("LATIN",)),
    Language("sl", "Slovenian", ("LATIN",)),
    Language("so", "Somali", ("LATIN",)),
    Language("sq", "Albanian", ("LATIN",)),
    Language("sr", "Serbian", ("CYRILLIC", "LATIN")),
    Language("su", "Sundanese", ("LATIN",)),
    Language("sv", "Swedish", ("LATIN",)),
    Language("sw", "Swahili", ("LATIN",)),
    Language("ta", "Tamil", ("TAMIL",)),
    Language("te", "Telugu", ("TELUGU",)),
    Language("th", "Thai", ("THAI",), spaced=False),
    Language("tl", "Filipino", ("LATIN",)),
    Language("tr", "Turkish", ("LATIN",)),
    Language("ug", "Uyghur", ("ARABIC",)),
    Language("uk", "Ukrainian", ("CYRILLIC",)),
    Language("ur", "Urdu", ("ARABIC",)),
    Language("uz", "Uzbek", ("LATIN", "CYRILLIC")),
    Language("vi", "Vietnamese", ("LATIN",)),
    Language("xh", "Xhosa", ("LATIN",)),
    Language("yi", "Yiddish", ("HEBREW",)),
    Language("zh", "Chinese", ("CJK",), spaced=False),
)
UNDETERMINED = Language("und", "Undetermined", ())
"""Stands for the language of a text that nobody named and that cannot be told."""
_BY_NAME = {key: language for language in (*LANGUAGES, UNDETERMINED) for key in (language.code, language.name)}


def language(key: str) -> Language:
    """Find a language by its code or English name; raises UsageError, naming close ones."""
    try:
        return _BY_NAME[key]
    except KeyError:
        close = difflib.get_close_matches(key, _BY_NAME, n=3, cutoff=0.5)
        hint = f"; did you mean {', '.join(close)}?" if close else ""
        raise UsageError(f"language {key!r} is unknown{hint}") from None
