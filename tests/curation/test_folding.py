import pytest

from flows.curation.normalize import count_words, fold_text
from flows.domain.languages import language
from flows.errors import UsageError


@pytest.mark.parametrize(
    ("one", "other"),
    [("Hello,  WORLD!", "hello world"), ("ｆｕｌｌ ｗｉｄｔｈ", "full width"), ("Straße", "STRASSE"), ("a\nb", "a b")],
)
def test_folding_makes_alike(one, other):
    assert fold_text(one) == fold_text(other)


@pytest.mark.parametrize(("one", "other"), [("किताब", "कताब"), ("x < 3", "x > 3"), ("บ้าน", "บาน")])
def test_folding_keeps_what_differs(one, other):
    assert fold_text(one) != fold_text(other)


@pytest.mark.parametrize(
    ("text", "code", "low", "high"),
    [
        ("three plain words", "en", 3, 3),
        ("市政府宣布老桥将关闭到秋天", "zh", 6, 9),
        ("市役所は古い橋を秋まで閉鎖すると発表しました", "ja", 9, 13),
        ("PyTorch 的 DataLoader 很慢", "zh", 3, 5),
        ("เทศบาลประกาศว่าสะพานเก่าจะปิดซ่อมแซม", "th", 5, 11),
    ],
)
def test_words_are_counted_in_any_script(text, code, low, high):
    assert low <= count_words(text, code) <= high


def test_languages_are_found_by_code_and_name():
    assert language("pl") is language("Polish")
    with pytest.raises(UsageError, match=r"'Polnish' is unknown; did you mean Polish"):
        language("Polnish")
