from dataclasses import fields

import pytest
from pydantic import BaseModel, ValidationError

from flows.curation.near import NearPolicy
from flows.curation.policy import CurationPolicy


@pytest.mark.parametrize("changes", [{"shortest": -1}, {"script_share": 1.5}, {"negative_like_positive": 1.01}])
def test_a_threshold_out_of_range_is_refused_by_name(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        CurationPolicy(**changes)


@pytest.mark.parametrize("changes", [{"longest": 20}, {"repetition": 3.5}, {"long_text": 0}, {"off": ("too_long",)}])
def test_counts_and_factors_may_be_above_one(changes):
    assert CurationPolicy(**changes) != CurationPolicy()


def test_a_recipe_may_not_misspell_a_threshold():
    class Recipe(BaseModel):
        curate: CurationPolicy = CurationPolicy()

    assert Recipe.model_validate({"curate": {"shortest": 0.4}}).curate.shortest == 0.4
    with pytest.raises(ValidationError, match="shortets"):
        Recipe.model_validate({"curate": {"shortets": 0.4}})


def test_an_unknown_rule_cannot_be_switched_off():
    with pytest.raises(ValueError, match="too_big"):
        CurationPolicy(off=("too_big",))


def test_every_threshold_has_a_default():
    assert all(field.default is not None or field.name == "semantic" for field in fields(CurationPolicy))


def test_tasks_are_compared_elsewhere():
    with pytest.raises(ValueError, match="near: rows of one task are no copies"):
        CurationPolicy(near=(NearPolicy(compare="task"),))
