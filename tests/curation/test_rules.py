from dataclasses import replace

import pytest

from flows.curation.measure import measure
from flows.curation.policy import CurationPolicy
from flows.curation.rules import RULES, decide
from flows.domain.records import Text
from tests.factories import row

SENTENCES = {
    "af": "Die boer het gister sy skape na die ander kamp toe gedryf omdat daar nie meer genoeg water was nie.",
    "ar": "أعلنت البلدية أن السوق القديم سيغلق أسبوعين لإصلاح السقف بعد الأمطار الغزيرة.",
    "bg": "Общината обяви, че старият мост ще бъде затворен за ремонт до края на месеца.",
    "bn": "গতকাল বিকেলে নদীর ধারে ছোট্ট মেলায় আমরা অনেক মাটির পুতুল কিনেছিলাম।",
    "cs": "Včera odpoledne jsme na náměstí potkali starého učitele, který nám vyprávěl o škole.",
    "de": "Der Schornsteinfeger kommt am Dienstag und prüft, ob die Heizung richtig eingestellt ist.",
    "el": "Ο δήμος ανακοίνωσε ότι η παλιά γέφυρα θα κλείσει για επισκευές μέχρι το φθινόπωρο.",
    "en": "The ferry to the smaller island leaves twice a day unless the wind is from the north.",
    "es": "El panadero del barrio dejó de vender ensaimadas porque subió demasiado la manteca.",
    "fa": "شهرداری اعلام کرد که پل قدیمی تا پایان ماه برای تعمیر بسته خواهد بود.",
    "fi": "Naapurin koira karkasi eilen illalla ja löytyi vasta aamulla järven toiselta puolelta.",
    "fr": "La mairie a fermé le vieux pont jusqu'à l'automne pour refaire les garde-corps rouillés.",
    "he": "העירייה הודיעה שהגשר הישן ייסגר לשיפוצים עד סוף החודש בגלל הגשמים.",
    "hi": "नगरपालिका ने बताया कि पुराना पुल मरम्मत के लिए महीने के अंत तक बंद रहेगा।",
    "hu": "Az önkormányzat bejelentette, hogy a régi hidat a hónap végéig lezárják a felújítás miatt.",
    "id": "Pemerintah kota mengumumkan bahwa jembatan tua itu akan ditutup sampai akhir bulan.",
    "it": "Il vecchio ponte resterà chiuso fino all'autunno perché bisogna rifare le ringhiere.",
    "ja": "市役所は、古い橋を秋まで閉鎖して手すりを修理すると発表しました。",
    "ko": "시청은 오래된 다리를 가을까지 폐쇄하고 난간을 수리한다고 발표했다.",
    "nl": "De gemeente sluit de oude brug tot het najaar om de verroeste leuningen te vervangen.",
    "pl": "Gmina ogłosiła, że stary most będzie zamknięty do jesieni z powodu remontu poręczy.",
    "pt": "A prefeitura anunciou que a ponte velha ficará fechada até o outono para reparos.",
    "ru": "Администрация сообщила, что старый мост закроют до осени из-за ремонта перил.",
    "sw": "Halmashauri imetangaza kwamba daraja la zamani litafungwa hadi mwisho wa mwezi huu.",
    "ta": "பழைய பாலம் பழுதுபார்ப்புக்காக மாத இறுதி வரை மூடப்படும் என்று நகராட்சி அறிவித்தது.",
    "th": "เทศบาลประกาศว่าสะพานเก่าจะปิดซ่อมแซมจนถึงสิ้นเดือนนี้เพราะฝนตกหนัก",
    "tr": "Belediye, eski köprünün onarım nedeniyle ay sonuna kadar kapalı kalacağını duyurdu.",
    "uk": "Міська рада повідомила, що старий міст буде закрито до осені через ремонт поручнів.",
    "vi": "Thành phố thông báo cây cầu cũ sẽ đóng cửa đến cuối tháng để sửa chữa lan can.",
    "zh": "市政府宣布，由于需要维修栏杆，老桥将关闭到秋天。",
}


def verdict(policy: CurationPolicy | None = None, **changes):
    judged = row(**changes)
    return decide(judged, measure(judged), policy or CurationPolicy())


@pytest.mark.parametrize("code", SENTENCES)
def test_sound_rows_stay_in_every_language(code):
    judged = row(language=code, query=SENTENCES[code], positives=[SENTENCES[code] + " 2"], negatives=(), symmetric=True)
    measured = {**measure(judged), "query_like_text": 0.0}
    assert decide(judged, measured, CurationPolicy()).keep


@pytest.mark.parametrize("code", [code for code in SENTENCES if code not in ("en", "af")])
def test_an_answer_in_english_is_in_the_wrong_language_or_script(code):
    english = SENTENCES["en"]
    assert verdict(language=code, query=english).reason in ("wrong_language", "wrong_script")


@pytest.mark.parametrize(
    "changes",
    [
        {"query": "bilge pump"},
        {"query": "error 0x80070057"},
        {"query": "SELECT * FROM rows WHERE id = 3"},
        {"query": "¿qué es un LLM?", "language": "es", "negatives": [],
         "positives": ["Un modelo de lenguaje grande predice la palabra siguiente de un texto."]},
        {"query": "PyTorch の DataLoader が遅い", "language": "ja",
         "positives": ["num_workers を増やすと、データの読み込みが並列になります。"],
         "negatives": ["GPU のメモリが足りないときは、バッチを小さくします。"]},
        {"query": "why do chatbots say 'I'm sorry, I cannot help with that'?",
         "positives": ["Models decline when a classifier fires; the sentence 'I cannot help' is a template."]},
        {"positives": ["Write to service@example.org and ask for the manual of your pump."]},
        {"query": "E = mc^2 derivation",
         "positives": ["Take the four-momentum with no spatial part."]},
    ],
    ids=["two words", "code", "sql", "spanish", "japanese with latin", "about refusals", "example mail", "formula"],
)  # fmt: skip
def test_unusual_but_sound_rows_stay(changes):
    assert verdict(**changes).keep


LENGTHY = " ".join(SENTENCES["en"].split() * 2 + SENTENCES["en"].split()[::-1])
LONG = "The impeller of the pump must be replaced once a season by a mechanic who knows the type. "


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("encoding", {"positives": ["The pump\ufffd must be checked every month by hand."]}),
        ("encoding", {"positives": ["Le cafÃ© est fermÃ© tous les lundis de l'annÃ©e."]}),
        ("refusal", {"positives": ["I'm sorry, but I can't help with that request."]}),
        ("refusal", {"query": "As an AI language model, I do not have opinions on pumps."}),
        ("refusal", {"positives": ["Sure, here is the document you asked for: check the pump."]}),
        ("refusal", {"language": "de", "query": "Es tut mir leid, aber ich kann dabei nicht helfen."}),
        ("leaked_instruction", {"query": "the user_query about bilge pumps"}),
        ("leaked_instruction", {"positives": ['{"answer": "check the pump every month"}']}),
        ("leaked_instruction", {"positives": ["Check the {{ part }} every month and replace it."]}),
        ("repetition", {"positives": ["check the pump and then " * 20]}),
        ("wrong_script", {"language": "ru", "query": "kak chasto obsluzhivat nasos"}),
        ("wrong_language", {"language": "de"}),
        ("too_short", {"requested": {"words": {"positives": [100, None]}}}),
        ("too_short", {"requested": {"words": {"query": [40, None]}}}),
        ("too_long", {"query": LENGTHY, "requested": {"words": {"query": [1, 4]}}}),
        ("query_equals_text", {"positives": ["How often should the bilge pump be serviced?"]}),
        ("query_in_positive", {"positives": [LONG + "How often should the bilge pump be serviced? " + LONG]}),
        ("negative_equals_positive", {"positives": [LONG], "negatives": [LONG[:-2] + "s."]}),
        ("label_in_input", {"positives": ["bilge pump"], "requested": {"labels": True}}),
        ("label_in_input", {"negatives": ["Serviced"], "requested": {"labels": True}}),
        ("scores_out_of_order", {"positives": [Text("The pump needs care.", grade=3)],
                                 "negatives": [Text("An anchor holds the boat.", grade=3.5)]}),
    ],
)  # fmt: skip
def test_bad_rows_go_for_the_right_reason(reason, changes):
    found = verdict(**changes)
    assert found.reason == reason
    assert found.detail


def test_a_label_in_a_document_is_no_fault_outside_classification():
    assert verdict(positives=["bilge pump"]).keep


def test_personal_data_is_flagged_and_dropped_only_on_request():
    mail = {"positives": ["Ask jane.roe@shipyard-hall.com to check the pump every month."]}
    assert measure(row(**mail))["personal_data"] == ["email"]
    assert verdict(**mail).keep
    assert verdict(CurationPolicy(personal_data=True), **mail).reason == "personal_data"


@pytest.mark.parametrize("text", ["version 2.10.3 of 2024-05-06", "Tel. 1972 to 1984", "ISBN 978-3-16-148410-0"])
def test_numbers_are_not_phone_numbers(text):
    assert measure(row(positives=[text]))["personal_data"] == []


def test_a_rule_can_be_switched_off_and_a_threshold_moved():
    changes = {"query": LENGTHY, "requested": {"words": {"query": [1, 4]}}}
    assert verdict(CurationPolicy(off=("too_long",)), **changes).keep
    assert verdict(CurationPolicy(longest=20), **changes).keep


@pytest.mark.parametrize("changes", [{"shortest": -1}, {"script_share": 1.5}])
def test_a_threshold_out_of_range_is_refused(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        CurationPolicy(**changes)


def test_every_rule_has_a_bad_row():
    (parameters,) = [mark for mark in test_bad_rows_go_for_the_right_reason.pytestmark if mark.name == "parametrize"]
    assert {case[0] for case in parameters.args[1]} | {"personal_data"} == {*RULES}


def test_measures_are_kept_apart_from_thresholds():
    judged = row()
    measured = measure(judged)
    assert measured["words"] == {"query": [8], "positives": [14], "negatives": [15]}
    assert measured["query_language"]["detected"] == "en"
    assert replace(judged, measured=measured).measured == measured
