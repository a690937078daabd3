import pytest

from flows.ids import file_name


@pytest.mark.parametrize("text", ["gpt-4o-mini", "Qwen3.5_8B"])
def test_a_text_that_can_be_a_file_name_is_one(text):
    assert file_name(text) == text


@pytest.mark.parametrize("text", ["org/model", "..", "../x", ".hidden", "a b", "ft:m:org::1"])
def test_others_name_no_other_place_and_stay_apart(text):
    name = file_name(text)
    assert "/" not in name
    assert not name.startswith(".")
    assert name != file_name(text + "x")
    assert file_name("a/b") != file_name("a_b")
