import pytest

from flows.llm.latency import LatencyBook


def filled(*classes: tuple[int, float]) -> LatencyBook:
    book = LatencyBook()
    for in_flight, seconds in classes:
        for _ in range(20):
            book.sent(in_flight)
            book.ended(in_flight, seconds)
    return book


def test_an_empty_book_speaks_against_nothing():
    book = LatencyBook()
    assert book.best_below(64) is None
    assert book.pays_above(63)


@pytest.mark.parametrize(
    ("slower", "lower"), [(1.0, None), (1.2, None), (2.0, 45), (4.0, 45)], ids=["free", "worth it", "queue", "worse"]
)
def test_a_class_pays_if_it_answers_more_than_a_lower_one(slower: float, lower: int | None):
    book = filled((40, 1.0), (64, slower))
    assert book.best_below(64) == lower
    assert book.pays_above(45) == (lower is None)


def test_where_in_its_class_a_limit_mostly_was_counts():
    assert filled((45, 1.0), (47, 1.04)).best_below(47) == 45
    assert filled((34, 1.0), (64, 1.04)).best_below(64) is None


def test_it_knows_where_too_few_replies_were_seen():
    book = filled((40, 1.0), (64, 1.0), (64, 1.0))
    assert (book.below(64), book.sure(book.below(64)), book.sure(64)) == (45, False, True)
    assert (book.below(1), book.below(2)) == (1, 1)


def test_one_request_in_flight_is_the_least():
    assert filled((1, 9.0)).best_below(1) is None
    assert filled((1, 1.0), (2, 9.0)).best_below(2) == 1


def test_a_class_counts_only_when_its_long_replies_are_back():
    book = filled((40, 1.0), (64, 2.0))
    for _ in range(3):
        book.sent(40)
    assert book.best_below(64) is None
    for _ in range(3):
        book.ended(40, None)
    assert book.best_below(64) == 45


def test_replies_that_vary_widely_prove_little():
    book = LatencyBook()
    for number in range(6):
        for in_flight, seconds in ((40, 1.0), (64, 2.0)):
            book.sent(in_flight)
            book.ended(in_flight, seconds * 10.0 ** (number % 3))
    assert book.best_below(64) is None


def test_what_was_seen_higher_up_fades():
    book = filled((40, 1.0), (64, 4.0))
    for _ in range(100):
        book.fade(45)
    assert book.pays_above(45)


def test_a_reply_in_no_time_is_survived():
    assert filled((4, 0.0)).best_below(4) is None
