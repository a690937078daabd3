import pytest

from flows.errors import StoppedError, WorkerError
from flows.llm.meter import Paid
from flows.recipes.load import load_recipe
from flows.stages.parts import Part, _error
from flows.stages.worker import _share


def part(number, of):
    return Part({}, "f", "generate", (0, 1), 16, number, of, Paid())


@pytest.mark.parametrize(("concurrency", "of", "shares"), [(64, 2, [32, 32]), (9, 2, [5, 4]), (7, 3, [3, 2, 2])])
def test_the_requests_in_flight_are_shared_out(concurrency, of, shares):
    loaded = load_recipe("e5", [f"llm.concurrency={concurrency}"])
    given = [_share(loaded, part(number, of)).recipe.llm[0].concurrency for number in range(of)]
    assert given == shares and sum(given) == concurrency


def test_an_error_of_a_worker_is_raised_as_what_it_was():
    stopped = _error("StoppedError", "the budget is spent")
    assert (type(stopped), str(stopped)) == (StoppedError, "the budget is spent")
    assert type(_error("KeyError", "x")) is WorkerError
