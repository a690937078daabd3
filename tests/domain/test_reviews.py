from flows.domain.records import Text
from flows.domain.reviews import Review, reviewed
from tests.factories import row

SCORED = row(
    positives=(Text("good", scores={"dense": 0.9, "requested": 1.0}), Text("better", scores={"dense": 0.8})),
    negatives=(Text("bad", origin="bm25", doc_id="d1", scores={"dense": 0.3}),),
    measured={"words": {"query": [8]}},
)


def test_an_accepted_row_keeps_its_words_and_says_that_it_was_seen():
    after = reviewed(SCORED, Review(True))
    assert (after.query, after.positives, after.negatives) == (SCORED.query, SCORED.positives, SCORED.negatives)
    assert after.measured == {"words": {"query": [8]}, "review": {"edited": []}}


def test_new_words_have_their_origin_and_lose_scores_that_were_others():
    review = Review(True, positives=["best", "better"], measured={"words": {"query": [1]}})
    after = reviewed(SCORED, review)
    assert after.positives == (Text("best", "edited", scores={"requested": 1.0}), SCORED.positives[1])
    assert after.measured == {"words": {"query": [1]}, "review": {"edited": ["positives"]}}


def test_a_new_query_makes_every_score_stale():
    after = reviewed(SCORED, Review(True, query="which"))
    assert after.query == "which"
    assert [dict(text.scores) for text in (*after.positives, *after.negatives)] == [{"requested": 1.0}, {}, {}]
    assert after.negatives[0].origin == "bm25"


def test_an_empty_text_goes_and_a_further_one_comes():
    after = reviewed(SCORED, Review(True, positives=["", "better"], negatives=["bad", "worse"]))
    assert [text.text for text in after.positives] == ["better"]
    assert [(text.text, text.origin) for text in after.negatives] == [("bad", "bm25"), ("worse", "edited")]


def test_a_row_that_was_taken_back_names_what_had_dropped_it():
    assert reviewed(SCORED, Review(True), "too_long").measured["review"] == {"edited": [], "dropped_for": "too_long"}


def test_a_review_is_the_same_after_a_file():
    review = Review(True, query="which", negatives=[], measured={"a": 1}, at="2026-11-29T20:00:00+00:00")
    assert Review.from_json(review.to_json()) == review
    assert Review(False).to_json() == {"accept": False, "at": ""}
