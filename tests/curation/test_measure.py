import json
from dataclasses import replace

import pytest

from flows.curation.measure import VERSION, measure
from flows.domain.records import Row
from flows.ids import digest
from tests.curation.texts import TRIPLES
from tests.factories import row

DOCUMENT = "The impeller of the pump must be replaced once a season by a mechanic who knows the type."


def test_measures_stand_by_column_in_the_order_of_the_row():
    measured = measure(row(positives=[DOCUMENT, "Once a season."], negatives=[]))
    assert measured["words"] == {"query": [8], "positives": [18, 3], "negatives": []}
    assert measured["scripts"] == {"query": [1.0], "positives": [1.0, 1.0], "negatives": []}
    assert measured["languages"]["positives"][0][0][0] == "en"
    assert measured["negative_like_positive"] == 0.0
    assert measured["negative_copies"] == []


def test_measures_are_json_and_survive_the_row():
    judged = row(query="half a character \udc80", positives=["I cannot help with that \udc80"])
    measured = measure(judged)
    assert json.loads(json.dumps(measured)) == measured
    kept = replace(row(), measured=measure(row()))
    assert Row.from_json(json.loads(json.dumps(kept.to_json()))) == kept


@pytest.mark.parametrize(
    ("query", "positive", "identified"),
    [
        ("how often should the bilge pump be serviced by hand", DOCUMENT, ["en", "en"]),
        ("bilge pump", DOCUMENT, ["en", "en"]),
        ("Wie oft muss man die Pumpe am Boot warten lassen?", DOCUMENT, ["de", "en"]),
        ("桥", "桥在秋天重新开放。", ["zh", "zh"]),
        ("x", "y", ["und", "und"]),
    ],
)
def test_languages_that_nobody_named_are_found(query, positive, identified):
    measured = measure(row(language="und", query=query, positives=[positive], negatives=[]))
    assert measured["identified"] == identified
    assert "identified" not in measure(row(query=query, positives=[positive]))


def test_measures_change_with_their_version_alone():
    """When this fails because `measure` gives other values, raise VERSION and write the new digest here."""
    rows = [row(language=code, query=q, positives=[p], negatives=[n]) for code, (q, p, n) in sorted(TRIPLES.items())]
    # what other libraries compute may differ in the last digit between their versions
    measures = [{k: v for k, v in measure(one).items() if k not in ("languages", "repetition")} for one in rows]
    assert (VERSION, digest(measures)) == (2, "77cbdeb790a46b5f")


def test_measuring_twice_gives_the_same():
    assert measure(row()) == measure(row())


@pytest.mark.parametrize(
    ("query", "positive", "copied"),
    [
        ("how often should the bilge pump be serviced", "Q: How often should the bilge pump be serviced?", 1.0),
        ("how often should the bilge pump be serviced", "How often should the bilge pump be oiled?", 7 / 8),
        ("bilge pump service", "The bilge pump service is due.", 0.0),
        ("when is the bilge pump serviced in spring", "The bilge pump is serviced when spring comes.", 0.0),
    ],
)
def test_a_copy_is_a_run_of_six_words(query, positive, copied):
    assert measure(row(query=query, positives=[positive]))["copied"] == copied


@pytest.mark.parametrize(
    ("language", "query", "positive", "copied"),
    [
        ("zh", "老桥什么时候重新开放通行", "有人问：老桥什么时候重新开放通行？市政府说秋天。", 1.0),
        ("zh", "老桥什么时候开放", "老桥什么时候开放，市政府没有说。", 0.0),
        ("ja", "古い橋はいつ通行できるようになりますか", "橋は秋に通行できるようになります。", 12 / 19),
    ],
)
def test_copies_are_found_without_spaces(language, query, positive, copied):
    assert measure(row(language=language, query=query, positives=[positive]))["copied"] == round(copied, 4)


def test_overlap_is_the_share_of_the_querys_words():
    assert measure(row(query="old bilge pump", positives=["The pump is old.", "A pump."]))["overlap"] == 0.6667
    assert measure(row(document_language="de"))["overlap"] == 0.0


@pytest.mark.parametrize(
    ("negative", "like", "same"),
    [
        (DOCUMENT.upper() + "!", 1.0, True),
        (DOCUMENT.replace("mechanic", "mechanics"), 0.9943, True),
        (DOCUMENT.replace("once a season", "3 times a season"), 0.9444, False),
    ],
)
def test_a_document_with_other_numbers_is_another_document(negative, like, same):
    measured = measure(row(positives=["The anchor is heavy.", DOCUMENT], negatives=[negative]))
    assert measured["negative_like_positive"] == pytest.approx(like, abs=0.01)
    assert measured["negative_copies"] == [measured["negative_like_positive"] if same else 0.0]


def test_likeness_below_equality_is_never_rounded_to_it():
    text = "pump " * 30_000
    assert measure(row(positives=[text + "a"], negatives=[text + "b"]))["negative_like_positive"] == 0.9999


@pytest.mark.parametrize(
    ("language", "query", "label", "held"),
    [
        ("en", "the service was slow", "service", True),
        ("en", "the services were slow", "service", False),
        ("zh", "这家店的服务很慢", "服务", True),
        ("zh", "这家店上菜很慢", "服务", False),
    ],
)
def test_labels_are_sought_as_words(language, query, label, held):
    measured = measure(row(language=language, query=query, positives=[label], negatives=[]))
    assert measured["labels_in_query"] == ([label] if held else [])


def test_the_task_and_the_parameters_of_the_prompt_are_leaks():
    assert measure(row(query=row().task))["leak"]
    asked = {"query_length": "less than 5 words"}
    assert measure(row(requested=asked, positives=["Query length: less than 5 words"]))["leak"]
    assert measure(row(requested=asked, positives=["It has less than 5 words."]))["leak"] is None


def test_a_text_of_punctuation_is_empty_and_one_of_symbols_is_not():
    assert measure(row(query="…?", negatives=[" "]))["empty"] == ["query", "negatives"]
    assert measure(row(query="∑ ≤ 🙂"))["empty"] == []
