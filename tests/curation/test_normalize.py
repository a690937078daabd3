import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.curation.normalize import count_words, fold_text, unit_count, units


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("  The\n pump,  please! ", "the pump please"),
        ("Straße", "STRASSE"),
        ("ｆｕｌｌ　ｗｉｄｔｈ", "full width"),
        ("“quoted” – and so on …", '"quoted" - and so on'),
        ("cafe\u0301", "café"),
        ("می\u200cشود", "میشود"),
        ("ti\u00adme", "time"),
        ("**bold** `code` snake_case", "bold code snake case"),
        ("水、です。", "水です"),
        ("❤\ufe0f", "❤"),
    ],
)
def test_what_reads_the_same_folds_the_same(one, other):
    assert fold_text(one).replace(" ", "") == fold_text(other).replace(" ", "")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("C", "C++"),
        ("C", "C#"),
        ("5 °C", "-5 °C"),
        ("3 < 4", "3 > 4"),
        ("x + y", "x y"),
        ("5 %", "5"),
        ("👍", "👎"),
        ("की", "का"),
        ("ก่า", "กา"),
        ("pâté", "pate"),
        ("が", "か"),
        ("וּ", "ו"),
    ],
)
def test_what_changes_the_meaning_stays(one, other):
    assert fold_text(one) != fold_text(other)


def test_vowel_signs_are_not_word_ends():
    assert fold_text("हिन्दी, में।") == "हिन्दी में"


@given(st.text())
def test_folding_twice_changes_nothing(text):
    assert fold_text(fold_text(text)) == fold_text(text)


@given(st.text(st.characters(max_codepoint=127)))
def test_the_short_way_for_ascii_gives_the_same(text):
    assert fold_text(text) == fold_text(text + "é").removesuffix("é").strip()


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("Check the float switch every month.", "en", 6),
        ("don't well-known", "en", 2),
        ("Comment faire ?", "fr", 2),
        ("— | ***", "en", 0),
        ("", "en", 0),
        ("हिन्दी में लिखा गया वाक्य", "hi", 5),
        ("시청은 오래된 다리를 고친다", "ko", 4),
        ("thành phố", "vi", 2),
        ("市政府宣布老桥将关闭到秋天", "zh", 8),
        ("使用 PyTorch 训练", "zh", 3),
        ("สะพานเก่าเปิดเมื่อไร", "th", 5),
    ],
)
def test_words_are_counted_as_a_reader_would(text, code, words):
    assert count_words(text, code) == words


def test_translations_count_about_the_same():
    counts = {
        "en": "The city announced that the old bridge will stay closed until the end of the month for repairs.",
        "de": "Die Stadt teilte mit, dass die alte Brücke wegen Reparaturen bis zum Monatsende gesperrt bleibt.",
        "zh": "市政府宣布，由于维修，老桥将一直关闭到本月底，请市民绕行。",
        "ja": "市は、修理のため古い橋を今月末まで通行止めにすると発表しました。",
        "th": "เทศบาลประกาศว่าสะพานเก่าจะปิดซ่อมแซมจนถึงสิ้นเดือนนี้",
        "km": "សាលាក្រុងបានប្រកាសថាស្ពានចាស់នឹងបិទដើម្បីជួសជុលរហូតដល់ចុងខែនេះ",
        "my": "တံတားဟောင်းကို ပြုပြင်ရန် လကုန်အထိ ပိတ်ထားမည်ဟု မြို့တော်က ကြေညာသည်။",
        "lo": "ເທດສະບານປະກາດວ່າຂົວເກົ່າຈະປິດເພື່ອສ້ອມແປງຈົນຮອດທ້າຍເດືອນນີ້",
    }
    words = {code: count_words(text, code) for code, text in counts.items()}
    assert all(10 <= count <= 22 for count in words.values()), words


def test_units_are_words_or_characters():
    assert units("old bridge", "en") == ["old", "bridge"]
    assert units("老桥 1", "zh") == "老桥1"
    assert (unit_count(6, "en"), unit_count(6, "zh"), unit_count(6, "th")) == (6, 10, 24)
