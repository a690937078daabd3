import pytest

from flows.curation.leak_policy import LeakPolicy
from flows.decontamination.benchmark import Benchmark, build
from flows.decontamination.leaks import Leak, find_leaks, leak_verdict
from tests.factories import row

QUERY = "how does a slipstream change the lift of a wing"
DOCUMENT = (
    "an experimental study of a wing in a propeller slipstream was made in order to determine the spanwise "
    "distribution of the lift increase due to slipstream at different angles of attack of the "
    "wing and at several stream velocities"
)
CHINESE = "这座老桥建于一九三二年，横跨嘉陵江上游，是当时全省最长的石拱桥，今年秋天将重新开放供行人和自行车通行。"
WORDS = DOCUMENT.split()


@pytest.fixture
def leaks_of(tmp_path):
    def find(texts=(("query", QUERY), ("document", DOCUMENT), ("document", CHINESE)), common=10, allow=(), **changes):
        build(tmp_path, texts, common, allow)
        (found,) = find_leaks([row(**changes)], {"wings": Benchmark(tmp_path)})
        return found

    return find


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"query": "How does a slipstream change the lift of a wing?"}, "query: equals a text of wings"),
        ({"positives": ["See: " + " ".join(WORDS[3:16]) + ", as they say."]}, "positives: 1 runs of 13 words of wings"),
        ({"negatives": [DOCUMENT.upper()]}, "negatives: equals a text of wings"),
        ({"positives": [" ".join(WORDS[2:12])]}, "positives: 100% of its runs of 8 words in wings"),
        ({"language": "zh", "positives": ["据说，" + CHINESE[5:31] + "。"]}, "positives: 12 runs of 13 words of wings"),
    ],
    ids=["query", "13 words", "document", "8 words", "Chinese"],
)
def test_what_is_taken_from_a_benchmark_is_a_leak(leaks_of, changes, said):
    verdict = leak_verdict(leaks_of(**changes), LeakPolicy())
    assert verdict.reason == "benchmark:wings"
    assert verdict.detail.startswith(said)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"query": "how does a slipstream change the drag of a wing"},
        {"positives": ["See: " + " ".join(WORDS[3:15]) + " and so on, which is something else and goes on."]},
        {"positives": ["wing"], "query": "which part lifts"},
        {"language": "zh", "positives": ["这座老桥建于一九三二年，但是没有人知道它的设计者是谁。"]},
    ],
    ids=["sound", "other query", "12 words", "a word", "short Chinese"],
)  # fmt: skip
def test_what_only_resembles_it_is_none(leaks_of, changes):
    assert leak_verdict(leaks_of(**changes), LeakPolicy()).keep


def test_a_short_query_is_a_leak_as_a_query_alone(leaks_of):
    texts = [("query", "wing flutter")]
    assert leaks_of(texts, query="Wing flutter?")[0].equal
    assert not leaks_of(texts, positives=["wing flutter"])


def test_turns_of_phrase_numbers_and_allowed_phrases_do_not_count(leaks_of):
    phrase = "the results of this investigation are presented in the form of tables and charts for use"
    several = [("document", f"{name} {phrase} {name}") for name in "abcdef"]
    assert leaks_of(several, common=6, positives=[phrase])[0].grams_13
    assert not leaks_of(several, common=5, positives=[phrase])
    allow = ["results of this investigation are presented in the form of tables and charts"]
    assert not leaks_of(several, common=6, positives=[phrase], allow=allow)
    numbers = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 of 15 16 17"
    assert not leaks_of([("document", f"{numbers} end here")], positives=[f"{numbers} and not there"])


def test_thresholds_decide_on_what_was_measured():
    leak = Leak("wings", "query", grams_13=2, grams_8=0.5, near=0.85)
    assert leak_verdict([leak], LeakPolicy()).reason == "benchmark:wings"
    assert leak_verdict([leak], LeakPolicy(grams_13=3)).keep
    assert "50% of its runs" in leak_verdict([leak], LeakPolicy(grams_13=3, grams_8=0.5)).detail
    assert "0.85 like a query" in leak_verdict([leak], LeakPolicy(grams_13=3, near=0.8)).detail
    meant = Leak("wings", "query", cosine=0.9)
    assert leak_verdict([meant], LeakPolicy()).keep
    assert "means what a query of wings does by 0.90" in leak_verdict([meant], LeakPolicy(cosine=0.9)).detail


@pytest.mark.parametrize("change", [{"near": 0.5}, {"cosine": 0.5}, {"grams_8": 0.0}, {"grams_13": 0}, {"common": 0}])
def test_thresholds_out_of_range_are_refused(change):
    with pytest.raises(ValueError, match=f"{next(iter(change))} must be"):
        LeakPolicy(**change)
