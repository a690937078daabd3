import itertools
import json
from dataclasses import replace
from pathlib import Path

import datasets
import pytest
from huggingface_hub import DatasetCard
from markdown_it import MarkdownIt

from flows.domain.ledger import StageTally
from flows.domain.records import Generator, Text
from flows.errors import PublishError
from flows.publishing.card import BEGIN, END, CardFacts
from flows.publishing.configs import DEFAULT, ConfigOptions, config_shapes
from flows.publishing.facts import write_card
from flows.publishing.folder import replace_folder
from flows.publishing.merge import merge_card
from flows.publishing.metadata import size_category
from flows.publishing.parquet import write_parquet
from flows.publishing.survey import Survey
from flows.publishing.ties import write_ties
from tests.publishing.rows import graded_row, make_row

TEMPLATE = (Path(__file__).parents[2] / "prompts/cards/dataset.md").read_text(encoding="utf-8")

ROWS = [
    *(make_row(n, split="validation" if n % 4 == 0 else "train") for n in range(8)),
    *(graded_row(n, query_language="no", document_language="zh") for n in range(8, 11)),
]


SAME = [row for row in ROWS if row.family != "sts"] + [graded_row(n) for n in range(8, 11)]


def make_folder(folder, rows=ROWS, options=None, **changes):
    survey = Survey()
    with replace_folder(folder) as fresh:
        facts = CardFacts(
            pretty_name="A set: of <rows>",
            recipe="e5",
            description="Six families.",
            version="1.2.3",
            license="other",
            license_name="generator-terms",
            license_link=None,
            written=write_parquet(survey.watch(rows), fresh, config_shapes(options or ConfigOptions())),
            ledgers={
                folder.name: (
                    StageTally("generate", 0, 14, 12, {"bad_json": 2}),
                    StageTally("curate", 12, 0, 11, {"short|a": 1}),
                )
            },
            survey=survey,
            made=("2026-11-28", "2026-11-29"),
        )
        write_ties(fresh, rows)
        write_card(fresh, replace(facts, **changes), TEMPLATE)
    return folder


def make_card(folder, rows=ROWS, options=None, **changes):
    return (make_folder(folder, rows, options, **changes) / "README.md").read_text(encoding="utf-8")


def test_metadata(tmp_path):
    data = DatasetCard(make_card(tmp_path / "publish")).data.to_dict()
    assert data["language"] == ["en", "no", "zh"]
    assert data["pretty_name"] == "A set: of <rows>"
    assert data["size_categories"] == ["n<1K"]
    assert data["task_categories"] == ["sentence-similarity", "feature-extraction", "text-retrieval"]
    assert data["annotations_creators"] == data["language_creators"] == ["machine-generated"]
    assert data["tags"] == ["synthetic", "sentence-transformers", "triplesmith", "some-model"]
    assert (data["license"], data["license_name"], data["license_link"]) == ("other", "generator-terms", "README.md")
    assert [(config["config_name"], config.get("default")) for config in data["configs"]] == [
        ("triplet", True),
        ("pair", None),
        ("pair-score", None),
        ("corpus", None),
        ("queries", None),
        ("qrels", None),
        ("instruction", None),
        ("full", None),
    ]
    assert data["configs"][2]["data_files"] == [{"split": "train", "path": "data/pair-score/train-*.parquet"}]
    assert data["dataset_info"][0]["splits"][0]["num_examples"] == 9


def test_a_known_licence_needs_no_name(tmp_path):
    data = DatasetCard(make_card(tmp_path / "publish", license="cc0-1.0", license_name=None)).data.to_dict()
    assert data["license"] == "cc0-1.0"
    assert "license_name" not in data and "license_link" not in data


@pytest.mark.parametrize("name", [None, *(name for name in DEFAULT if name != "text-label")])
def test_the_folder_is_a_data_set_that_loads(tmp_path, name):
    make_card(tmp_path / "publish")
    loaded = datasets.load_dataset(str(tmp_path / "publish"), name, cache_dir=str(tmp_path / "cache"))
    shape = next(shape for shape in config_shapes(ConfigOptions()) if shape.name == (name or "triplet"))
    for part in loaded.values():
        assert list(part.features) == list(shape.columns)
    held_out = {"corpus": 4, "queries": 2, "qrels": 2, "instruction": 2}
    assert {split: len(part) for split, part in loaded.items()} == (
        {"train": 6}
        if name == "pair-score"
        else {"validation": held_out[name]}
        if name in held_out
        else {"train": 9, "validation": 2}
    )


def test_a_set_without_negatives_has_a_default_config_too(tmp_path):
    make_card(tmp_path / "publish", [make_row(n, negatives=()) for n in range(3)])
    loaded = datasets.load_dataset(str(tmp_path / "publish"), cache_dir=str(tmp_path / "cache"))
    assert loaded["train"].column_names == ["anchor", "positive"]


def test_the_same_rows_give_the_same_card(tmp_path):
    assert make_card(tmp_path / "one") == make_card(tmp_path / "two")


def test_what_a_reader_looks_for(tmp_path):
    card = make_card(tmp_path / "publish")
    assert "| generate | 0 | 14 | 12 | █████████████████ 86 % | 2 bad\\_json |" in card
    assert "| curate | 12 | 0 | 11 | ██████████████████ 92 % | 1 short\\|a |" in card
    assert "| no → zh | 0 | 3 | 3 |" in card
    assert "| en | 8 | 0 | 8 |" in card
    assert "| some-model | 11 |" in card
    assert "| e5/short\\_long@1+0badcafe | 11 |" in card
    assert "`pair-score` leaves out 8 rows (no_score)" in card
    assert "**recorded**" not in card
    assert "Recipe `e5`, 2026-11-28 to 2026-11-29." in card
    assert "&id" not in card
    assert 'load_dataset("USER/NAME", "triplet")' in card


def test_replayed_rows_say_so_and_a_recipe_of_no_paper_cites_nothing(tmp_path):
    generator = Generator("m", "mine/prompt@1+00", recorded=True)
    card = make_card(tmp_path / "publish", [make_row(n, generator=generator) for n in range(3)])
    assert "> All rows come from **recorded** replies" in card
    assert "## Citation" not in card


def test_the_paper_of_the_recipe_is_cited_and_stays_in_its_block(tmp_path):
    bibtex = "@article{a,\n title = {A ```\n# Heading\n<!-- /triplesmith -->}\n}"
    card = make_card(tmp_path / "publish", citation=bibtex)
    fences = [
        token.content for token in MarkdownIt("gfm-like", {"linkify": False}).parse(card) if token.type == "fence"
    ]
    assert fences[-1].startswith("@article{a,") and "# Heading" in fences[-1]
    assert card.count(END) == 1


def test_prompts_are_given_for_every_config_with_bare_texts(tmp_path):
    options = ConfigOptions(instructions=("instruct",), groups=("short_long", "sts_no_in_batch_neg"))
    one = [replace(row, instruction="Find the same") if row.family == "sts" else row for row in SAME]
    card = make_card(tmp_path / "publish", one, options)
    prompts = json.loads(card.split("```json\n", 1)[1].split("```", 1)[0])
    instruct = "Instruct: Find the same\nQuery: "
    assert prompts == {
        "triplet": {"anchor": "query: ", "positive": "passage: ", "negative": "passage: "},
        "pair": {"anchor": "query: ", "positive": "passage: "},
        "pair-score": {"sentence1": "query: ", "sentence2": "query: "},
        "triplet-short_long": {"anchor": "query: ", "positive": "passage: ", "negative": "passage: "},
        "triplet-sts_no_in_batch_neg": {"anchor": instruct, "positive": instruct, "negative": instruct},
        "pair-short_long": {"anchor": "query: ", "positive": "passage: "},
        "pair-sts_no_in_batch_neg": {"anchor": instruct, "positive": instruct},
        "pair-score-sts_no_in_batch_neg": {"sentence1": instruct, "sentence2": instruct},
    }
    assert "the configs `…-instruct` have it in their texts" in card


def test_figures_of_length_and_likeness(tmp_path):
    def measured(n, words, asked):
        texts = {"query": [words], "positives": [80], "negatives": [100 + n]}
        found = {"words": texts, "overlap": 0.125, "negative_like_positive": 0.5, "personal_data": ["phone"] * (n == 3)}
        return make_row(n, measured=found, requested={"words": {"query": asked}})

    rows = [measured(n, 10 + n, [5, 15]) for n in range(10)]
    card = make_card(tmp_path / "publish", [*rows, graded_row(20, measured={})])
    assert "11 tasks." in card
    assert "| short\\_long | 14 (10–18) | 80 | 100 (100–110) | 60 % | 12 % | 50 % |" in card
    assert "1 rows hold what looks like an e-mail address" in card
    assert "| sts |" not in card.split("## Figures")[1]


def test_many_languages_share_a_line(tmp_path):
    rows = [make_row(n, query_language=f"l{n:02}", document_language=f"l{n:02}") for n in range(45)]
    card = make_card(tmp_path / "publish", rows)
    assert "| l39 | 1 | 1 |" in card and "| l40 |" not in card and "| 5 more | 5 | 5 |" in card


def test_samples_are_english_where_there_are_any(tmp_path):
    german = [make_row(n, query=f"Frage {n}", query_language="de") for n in (1, 2)]
    assert '"query": "Frage 1"' in make_card(tmp_path / "german", german)
    assert '"query": "query 3"' in make_card(tmp_path / "both", [*german, make_row(3), make_row(4)])


HOSTILE = "</code><script>alert(1)</script>\n```\n\n# Heading\n| a | b |\n<!-- /triplesmith --> \ud800"


def test_what_a_model_wrote_does_nothing_in_the_card(tmp_path):
    named = HOSTILE.replace("\ud800", "")
    row = make_row(1, query=HOSTILE, task=HOSTILE, instruction=HOSTILE, positives=(Text(HOSTILE * 30),), family=named)
    plain = make_row(2, generator=Generator(named, "p`|@1"))
    card = make_card(tmp_path / "publish", [row, plain])
    body = card.split("\n---\n", 1)[1]
    assert body.count(END) == body.count(BEGIN) == 1
    assert body.startswith(BEGIN) and body.endswith(f"{END}\n")
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(body)
    html = [token.content for token in tokens if token.type == "html_block"]
    inline = itertools.chain.from_iterable(token.children or [] for token in tokens)
    html += [child.content for child in inline if child.type == "html_inline"]
    assert {part.strip() for part in html} == {BEGIN, END}
    headings = [after.content for before, after in itertools.pairwise(tokens) if before.type == "heading_open"]
    assert headings[0] == r"A set: of \<rows\>"
    assert "Heading" not in headings


@pytest.mark.parametrize(
    ("rows", "category"),
    [
        (0, "n<1K"),
        (999, "n<1K"),
        (1000, "1K<n<10K"),
        (50_000, "10K<n<100K"),
        (999_999, "100K<n<1M"),
        (1_000_000, "1M<n<10M"),
        (10**12, "1B<n<10B"),
    ],
)
def test_size_category(rows, category):
    assert size_category(rows) == category


def test_a_card_merged_with_itself_stays_as_it_is(tmp_path):
    card = make_card(tmp_path / "publish")
    assert merge_card(None, card) == card
    assert merge_card(card, card) == card


THEIRS = """---
language: [de]
license: mit
pretty_name: Their name
extra_gated_prompt: Be nice
tags: [mine, synthetic]
configs:
- config_name: triplet
  data_files: old/*.parquet
- config_name: by-hand
  data_files: hand/*.csv
  default: true
---
Their introduction.

<!-- triplesmith: what stands between these two lines is rewritten at every upload -->
old words
<!-- /triplesmith -->

Their thanks.
"""


def test_what_people_wrote_in_a_card_stays(tmp_path):
    ours = make_card(tmp_path / "publish")
    merged = merge_card(THEIRS, ours)
    card = DatasetCard(merged)
    data = card.data.to_dict()
    assert card.text.startswith("Their introduction.\n") and card.text.endswith("Their thanks.\n")
    assert "old words" not in merged and "## How it was made" in merged
    assert data["language"] == ["en", "no", "zh"]
    assert (data["license"], data["pretty_name"], data["extra_gated_prompt"]) == ("mit", "Their name", "Be nice")
    assert "license_name" not in data
    assert data["tags"] == ["mine", "synthetic", "sentence-transformers", "triplesmith", "some-model"]
    assert [config["config_name"] for config in data["configs"]] == [
        *(name for name in DEFAULT if name != "text-label"),
        "by-hand",
    ]
    assert [config["config_name"] for config in data["configs"] if config.get("default")] == ["by-hand"]
    assert data["configs"][0]["data_files"][0]["path"] == "data/triplet/train-*.parquet"
    assert merge_card(merged, ours) == merged


@pytest.mark.parametrize("theirs", ["# Mine\n\nWords.\n", "---\nlicense: mit\n---\n# Mine\n\nWords.\n"])
def test_a_card_of_their_own_comes_first(tmp_path, theirs):
    ours = make_card(tmp_path / "publish")
    merged = merge_card(theirs, ours)
    text = DatasetCard(merged).text
    assert text.startswith("# Mine\n\nWords.\n\n" + BEGIN)
    assert merge_card(merged, ours) == merged


def test_unreadable_metadata_is_one_clear_line(tmp_path):
    with pytest.raises(PublishError, match=r"README.md of the repository: its metadata cannot be read") as raised:
        merge_card("---\nlicense: [mit\n---\nx", make_card(tmp_path / "publish"))
    assert "\n" not in str(raised.value)
