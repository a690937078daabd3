"""Exports of one run folder, written by the command line, and a model small enough to train in a second."""

from dataclasses import replace
from importlib.util import find_spec

import pytest

from flows.cli import main
from flows.domain.records import Text
from tests.factories import row
from tests.reporting.folder import make_run

WORDS = "anchor bilge cleat deck fender galley halyard jib keel lanyard mast oar port rudder sail tiller".split()


def needs(package):
    """Marks of a module whose tests train with `package`; its warnings are its own."""
    missing = find_spec(package) is None
    reason = f"{package} is not installed: see .ci/consumers"
    return [pytest.mark.skipif(missing, reason=reason), pytest.mark.filterwarnings("ignore")]


def retrieval(number):
    word = WORDS[number % len(WORDS)]
    return row(
        task=f"Given a sailor's question, find what the manual says of the {word}",
        query=f"how do I look after the {word} of boat {number}",
        positives=[Text(f"The {word} {number} is rinsed and dried after each trip.", scores={"teacher": 7.5})],
        negatives=[
            Text(f"The {word} {number} was first drawn in a book of {1700 + number}.", scores={"teacher": 1.25}),
            Text(f"Boat {number} is sold without a {word}.", scores={"teacher": -3.0}),
        ],
    )


def labelled(number):
    label, other = ("praise", "complaint") if number % 2 else ("complaint", "praise")
    return row(
        family="long_short",
        task=f"Sort letters to boatyard {number // 8}",
        query=f"Dear yard, this is letter {number}, and here is what I think of the new mast",
        positives=[label],
        negatives=[other],
        requested={"labels": True},
    )


def graded(number, family="sts", language="en"):
    return row(
        family=family,
        task=f"Find sentences that mean the same as the log of day {number % 9}",
        query=f"On day {number} the {WORDS[number % 16]} broke",
        positives=[Text(f"The {WORDS[number % 16]} gave way on day {number}", grade=5, scores={"requested": 1.0})],
        negatives=[Text(f"On day {number} the crew slept", grade=2, scores={"requested": 0.25})],
        symmetric=True,
        document_language=language,
    )


def rows():
    every = [
        *(retrieval(n) for n in range(24)),
        *(labelled(n) for n in range(16)),
        *(graded(n) for n in range(12)),
        *(graded(n, "bitext", "de") for n in range(20, 26)),
        *(replace(retrieval(n), family="short_short", negatives=()) for n in range(30, 34)),
    ]
    return [replace(one, id=f"{n:016x}", slot=n, instruction=one.task) for n, one in enumerate(every)]


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("run")
    make_run(root, rows(), seed=3, publish={"validation": 0.1, "test": 0.1, "near": 1.0})
    return root


@pytest.fixture(scope="session")
def exported(run, tmp_path_factory):
    """Export formats with the options given; returns the folder that holds them."""

    def export(*words):
        out = tmp_path_factory.mktemp("export")
        assert main(["export", str(run), "--out", str(out), "--format", *map(str, words)]) == 0
        return out

    return export


@pytest.fixture(scope="session")
def encoder(tmp_path_factory):
    """Folder of a tiny BERT with a tokenizer trained on the rows."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    texts = [text for one in rows() for text in (one.query, *(t.text for t in (*one.positives, *one.negatives)))]
    tokenizer.train_from_iterator(texts, trainers.WordPieceTrainer(vocab_size=300, special_tokens=special))
    pieces = [(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=pieces
    )
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), special, strict=True))
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("encoder")
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
    )
    BertModel(config).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=128, **names).save_pretrained(folder)
    return folder
