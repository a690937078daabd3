import pytest

from flows.curation.measure import measure
from flows.curation.policy import RULE_NAMES, CurationPolicy
from flows.curation.rules import RULES, decide
from flows.domain.records import Text
from tests.curation.rows import LONG, UNUSUAL, WEAK
from tests.curation.texts import TRIPLES
from tests.factories import row


def verdict(policy: CurationPolicy | None = None, **changes):
    judged = row(**changes)
    return decide(judged, measure(judged), policy or CurationPolicy())


@pytest.mark.parametrize("code", TRIPLES)
def test_sound_rows_stay_in_every_language(code):
    query, positive, negative = TRIPLES[code]
    assert verdict(language=code, query=query, positives=[positive], negatives=[negative]).keep
    assert verdict(language=code, query=positive, positives=[negative + " " + query], negatives=[query]).keep
    assert verdict(language=code, query=query, positives=[positive], negatives=[negative], symmetric=True).keep


@pytest.mark.parametrize("code", [code for code in TRIPLES if code != "en"])
@pytest.mark.parametrize("column", ["query", "positives", "negatives"])
def test_english_instead_of_the_language_asked_for_is_found_in_every_column(code, column):
    query, positive, negative = TRIPLES[code]
    sound = {"query": query, "positives": [positive], "negatives": [negative]}
    english = {"query": LONG, "positives": [LONG], "negatives": [LONG]}[column]
    found = verdict(language=code, **{**sound, column: english})
    assert found.reason in ("wrong_language", "wrong_script")
    assert found.detail.startswith(column)


@pytest.mark.parametrize("changes", UNUSUAL.values(), ids=UNUSUAL)
def test_unusual_but_sound_rows_stay(changes):
    assert verdict(**changes).reason is None


@pytest.mark.parametrize(("reason", "changes"), WEAK)
def test_weak_rows_go_for_the_right_reason(reason, changes):
    found = verdict(**changes)
    assert found.reason == reason
    assert found.detail and "\n" not in found.detail


@pytest.mark.parametrize("changes", [changes for _, changes in WEAK])
def test_a_rule_that_is_off_does_not_judge(changes):
    reason = verdict(**changes).reason
    assert verdict(CurationPolicy(off=(reason,)), **changes).reason != reason


def test_every_rule_has_a_weak_row_and_a_place_in_the_order():
    assert {reason for reason, _ in WEAK} | {"personal_data"} == {*RULES}
    assert tuple(RULES) == RULE_NAMES


def test_the_first_rule_that_fails_gives_the_reason():
    changes = {"positives": ["I cannot help with that."], "requested": {"words": {"positives": [100, None]}}}
    assert verdict(**changes).reason == "refusal"
    assert verdict(CurationPolicy(off=("refusal",)), **changes).reason == "too_short"


@pytest.mark.parametrize(
    ("changes", "policy", "reason"),
    [
        ({"query": LONG, "requested": {"words": {"query": [1, 4]}}}, {"longest": 5}, None),
        ({"requested": {"words": {"positives": [20, None]}}}, {"shortest": 0.9, "slack_words": 0}, "too_short"),
        ({"language": "de"}, {"language_confidence": 1.0}, None),
        ({"positives": ["bilge"], "requested": {"labels": True}}, {"label_letters": 6}, None),
        ({"positives": ["bilge pump"], "family": "long_short"}, {"label_families": ()}, None),
        ({"negatives": [LONG * 2 + "Check it in June."], "positives": [LONG * 2]}, {"negative_like_positive": 0.9},
         "negative_equals_positive"),
        ({"positives": ["The bilge pump should be serviced often."]}, {"copied_query": 0.0}, "query_in_positive"),
    ],
)  # fmt: skip
def test_a_moved_threshold_decides_anew_on_the_same_measures(changes, policy, reason):
    judged = row(**changes)
    measured = measure(judged)
    before = decide(judged, measured, CurationPolicy())
    assert decide(judged, measured, CurationPolicy(**policy)).reason == reason
    assert decide(judged, measured, CurationPolicy()) == before
    assert before.reason != reason


def test_personal_data_are_flagged_and_dropped_only_on_request():
    mail = {"positives": ["Ask jane.roe@shipyard-hall.com to check the pump every month."]}
    assert measure(row(**mail))["personal_data"] == ["email"]
    assert verdict(**mail).keep
    assert verdict(CurationPolicy(personal_data=True), **mail).reason == "personal_data"


def test_a_written_negative_may_score_high_and_a_request_is_no_score():
    def scored(origin, scorer):
        return {
            "positives": [Text("The pump.", scores={scorer: 0.5})],
            "negatives": [Text("A pump.", origin=origin, scores={scorer: 0.9})],
        }

    assert verdict(**scored("llm", "dense")).keep
    assert verdict(**scored("bm25", "requested")).keep
    assert verdict(**scored("bm25", "cross")).reason == "negative_scores_high"
