from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.decontamination import shelf
from flows.decontamination.shelf import Shelf, ShelfBuilder

HASH = st.one_of(st.integers(0, 20), st.integers(0, 2**64 - 1))


@pytest.mark.parametrize("held", [4, 1 << 23])
def test_a_shelf_holds_what_few_texts_have_however_often_it_spills(tmp_path_factory, monkeypatch, held):
    monkeypatch.setattr(shelf, "_HELD", held)

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.lists(HASH, unique=True, max_size=9), max_size=9), st.lists(HASH), st.integers(1, 3))
    def check(texts, asked, most):
        path = tmp_path_factory.mktemp("shelf") / "x" / "a.npy"
        builder = ShelfBuilder()
        for text in texts:
            builder.add(np.array(text, np.uint64))
        builder.write(path, most)
        counts = Counter(code for text in texts for code in text)
        few = {code for code, count in counts.items() if count <= most}
        made = Shelf(path)
        assert len(made) == len(few)
        asked = [*asked, *counts]
        assert made.holds(np.array(asked, np.uint64)).tolist() == [code in few for code in asked]

    check()
