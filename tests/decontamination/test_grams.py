import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from flows.decontamination.grams import hash_text, hash_words

TEXTS = st.lists(st.lists(st.sampled_from("abc"), max_size=12), max_size=5)


@given(TEXTS, st.integers(1, 5))
def test_runs_have_one_hash_if_and_only_if_they_are_equal_and_cross_no_text(texts, size):
    words = hash_words(texts)
    codes, first = words.runs(size)
    expected = [
        (number, tuple(text[at : at + size])) for number, text in enumerate(texts) for at in range(len(text) - size + 1)
    ]
    assert words.owner[first].tolist() == [number for number, _ in expected]
    assert len({*codes.tolist()}) == len({run for _, run in expected})
    assert len({*zip(codes.tolist(), (run for _, run in expected), strict=True)}) == len({run for _, run in expected})


def test_hashes_are_the_same_in_every_process():
    code = "from flows.decontamination.grams import hash_text; print(hash_text('wing'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == hash_text("wing")
