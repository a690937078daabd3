import unicodedata

import pytest

from flows.domain.languages import LANGUAGES, language
from flows.errors import UsageError

WITH_MOST_ROWS = "en pl ja it ru id de fa es zh fr pt ar nl".split()
SAMPLE = {"LATIN": "a", "CYRILLIC": "ж", "CJK": "水", "KATAKANA": "カ", "HANGUL": "물", "MYANMAR": "က", "ORIYA": "ଓ"}


def test_every_language_of_the_reference_recipe_is_there_once():
    codes = [entry.code for entry in LANGUAGES]
    assert len(codes) == 93 == len(set(codes)) == len({entry.name for entry in LANGUAGES})
    assert set(WITH_MOST_ROWS) < set(codes)


@pytest.mark.parametrize("key", ["de", "German"])
def test_a_language_is_found_by_code_and_by_name(key):
    assert language(key).code == "de"


@pytest.mark.parametrize(("key", "close"), [("Germn", "German"), ("Portugese", "Portuguese"), ("jap", "ja")])
def test_an_unknown_language_is_refused_with_close_ones(key, close):
    with pytest.raises(UsageError, match=close):
        language(key)


def test_a_language_like_no_other_is_refused_without_a_guess():
    with pytest.raises(UsageError, match=r"^language 'q#7' is unknown$"):
        language("q#7")


def test_spaces_are_missing_in_six_languages():
    assert {entry.code for entry in LANGUAGES if not entry.spaced} == {"ja", "km", "lo", "my", "th", "zh"}


@pytest.mark.parametrize("script", SAMPLE)
def test_scripts_are_named_as_characters_are(script):
    assert unicodedata.name(SAMPLE[script]).startswith(script)
    assert any(script in entry.scripts for entry in LANGUAGES)
