from concurrent.futures import ThreadPoolExecutor

import pytest

from flows.curation.language import KNOWN, NEIGHBOURS, contradicts, script_share, survey
from flows.domain.languages import LANGUAGES
from tests.curation.texts import TRIPLES

UNKNOWN = {"ha", "om", "xh"}
LONG = "The pump is checked every spring before the boat goes back into the water. " * 8
MIXED = "Die Pumpe wird in jedem Frühjahr geprüft, bevor das Boot wieder ins Wasser kommt. " * 4 + LONG[:330]


def codes(text):
    return [window.code for window in survey(text)[0]]


@pytest.mark.parametrize("code", [code for code in TRIPLES if code not in UNKNOWN])
def test_no_text_is_surely_in_a_language_that_contradicts_its_own(code):
    for text in TRIPLES[code]:
        (window,) = survey(text)[0]
        assert window.score < 0.8 or window.words < 8 or not contradicts(code, window.code)


@pytest.mark.parametrize("code", [code for code in TRIPLES if code != "en"])
def test_english_is_seen_where_another_language_was_asked_for(code):
    windows, scripts = survey(LONG)
    assert {window.code for window in windows} == {"en"}
    assert min(window.score for window in windows) > 0.8
    assert contradicts(code, "en") or script_share(scripts, code) < 0.1


@pytest.mark.parametrize("code", TRIPLES)
def test_a_text_is_in_the_script_of_its_language(code):
    assert script_share(survey(" ".join(TRIPLES[code]))[1], code) == 1.0


@pytest.mark.parametrize(
    ("text", "code", "share"),
    [
        ("使用 PyTorch 的 DataLoader 时 num workers 报错", "zh", 0.4),
        ("как запустить docker compose на сервере", "ru", 0.5),
        ("React コンポーネントを再レンダリングする方法", "ja", 0.8),
        ("iPhone 15 Pro Max की कीमत भारत में", "hi", 0.5),
    ],
)
def test_loanwords_and_names_leave_the_script_its_share(text, code, share):
    assert script_share(survey(text)[1], code) >= share


@pytest.mark.parametrize("text", ["", "   \n", "42 + 3.5 = 45.5", "https://example.org/a?b=c", "🙂 → ∑ ≤"])
def test_what_has_no_letters_has_no_language_and_no_foreign_script(text):
    assert survey(text) == ([], {})
    assert script_share({}, "ja") == 1.0


@pytest.mark.parametrize(
    "text",
    [
        "int main() { int x = 3; return x; }",
        'SELECT name, sum(x) FROM t WHERE id <= 3 AND kind = "a" GROUP BY name; $limit=3;',
        "```python\nfor row in rows:\n    print(row)\n```",
    ],
    ids=["c", "sql", "fenced"],
)
def test_code_is_in_no_language(text):
    assert survey(text) == ([], {})


def test_prose_around_fenced_code_is_looked_at():
    assert codes("Die Schleife läuft über alle Zeilen und gibt sie aus. ```\nfor row in rows: print(row)\n```") == [
        "de"
    ]


def test_a_long_text_is_looked_at_from_its_beginning_to_its_end():
    assert codes(MIXED) == ["de", "en", "de", "en"]


def test_two_windows_that_agree_speak_for_a_long_text():
    assert codes("The pump is checked every spring before the boat is launched again. " * 20) == ["en", "en"]


@pytest.mark.parametrize("text", ["THE PUMP IS CHECKED EVERY SPRING BEFORE THE BOAT IS LAUNCHED", "a\nb\r\nc the pump"])
def test_capitals_and_line_ends_do_not_mislead(text):
    assert codes(text) == ["en"]


def test_half_characters_are_passed_over():
    assert codes("The pump is \udc80 checked every spring") == ["en"]


@pytest.mark.parametrize(
    ("text", "code", "sure"),
    [
        ("東京駅周辺居酒屋個室予約", "zh", False),
        ("市政府宣布，由于需要维修栏杆，通行将中断到秋天，请各位市民绕行，并注意安全。", "zh", True),
        ("日本料理の名店「すし匠」已经在本市开业，价格比原来便宜不少，周末需要提前预约座位。", "zh", True),
        ("市役所は、手すりの修理のため秋まで通行止めにする", "ja", True),
        ("カタカナ", "ja", True),
    ],
)
def test_kana_tell_japanese_from_chinese(text, code, sure):
    (window,) = survey(text)[0]
    assert (window.code, window.score == 1.0) == (code, sure)


@pytest.mark.parametrize(
    ("asked", "found", "wrong"),
    [
        ("de", "de", False),
        ("no", "nn", False),
        ("hr", "sh", False),
        ("ms", "id", False),
        ("mr", "hi", False),
        ("gl", "es", False),
        ("es", "gl", True),
        ("uk", "ru", True),
        ("ha", "tr", False),
        ("ha", "en", True),
        ("tl", "ceb", False),
    ],
)
def test_languages_that_are_taken_for_each_other_do_not_contradict(asked, found, wrong):
    assert contradicts(asked, found) is wrong


def test_neighbours_are_languages_that_count():
    known = {language.code for language in LANGUAGES}
    assert set(NEIGHBOURS) <= known
    assert set().union(*NEIGHBOURS.values()) <= KNOWN


def test_threads_share_the_model():
    texts = [text for triple in TRIPLES.values() for text in triple]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(survey, texts)) == [survey(text) for text in texts]
