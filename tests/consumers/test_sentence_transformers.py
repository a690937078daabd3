"""Every training schema of the field takes an optimiser step with sentence-transformers, on an export as it stands."""

import datasets
import pytest

from flows.stages.publish import assemble
from flows.store.layout import Layout
from tests.consumers.conftest import needs

pytestmark = needs("sentence_transformers")


@pytest.fixture
def model(encoder):
    from sentence_transformers import SentenceTransformer, models

    word = models.Transformer(str(encoder))
    return SentenceTransformer(modules=[word, models.Pooling(word.get_word_embedding_dimension())], device="cpu")


def train(model, dataset, loss, tmp_path, **arguments):
    """Take one step; returns whether any weight changed."""
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments

    settings = {"per_device_train_batch_size": 4, "max_steps": 1, "learning_rate": 0.1, "report_to": "none"}
    settings |= {"use_cpu": True, "save_strategy": "no", "disable_tqdm": True, "warmup_steps": 0, **arguments}
    before = [weight.detach().clone() for weight in model.parameters()]
    trainer = SentenceTransformerTrainer(
        model,
        SentenceTransformerTrainingArguments(str(tmp_path / "out"), **settings),
        train_dataset=dataset,
        loss=loss,
    )
    trainer.train()
    return any(bool((old != new).any()) for old, new in zip(before, model.parameters(), strict=True))


def ranking(model, of):
    return of.MultipleNegativesRankingLoss(model)


TEACHER = ["scored", "--scorer", "teacher"]
DIMENSIONS = [32, 16]

LOSSES = {
    "MNRL of pairs": (["pair"], ranking),
    "MNRL of triplets": (["triplet"], ranking),
    "MNRL of n-tuples": (["n-tuple", "--negatives", 2], ranking),
    "MNRL with instructions": (["triplet", "--instructions", "instruct"], ranking),
    "cached MNRL": (["triplet"], lambda m, of: of.CachedMultipleNegativesRankingLoss(m, mini_batch_size=2)),
    "GIST": (["triplet"], lambda m, of: of.GISTEmbedLoss(m, guide=m)),
    "cached GIST": (["triplet"], lambda m, of: of.CachedGISTEmbedLoss(m, guide=m, mini_batch_size=2)),
    "triplet": (["triplet"], lambda m, of: of.TripletLoss(m)),
    "CoSENT": (["pair-score"], lambda m, of: of.CoSENTLoss(m)),
    "AnglE": (["pair-score"], lambda m, of: of.AnglELoss(m)),
    "cosine": (["pair-score"], lambda m, of: of.CosineSimilarityLoss(m)),
    "contrastive": (["pair-class"], lambda m, of: of.ContrastiveLoss(m)),
    "online contrastive": (["pair-class"], lambda m, of: of.OnlineContrastiveLoss(m)),
    "softmax": (["pair-class"], lambda m, of: of.SoftmaxLoss(m, 32, num_labels=2)),
    "MarginMSE": (TEACHER, lambda m, of: of.MarginMSELoss(m)),
    "MarginMSE of two": ([*TEACHER, "--negatives", 2], lambda m, of: of.MarginMSELoss(m)),
    "KL": (TEACHER, lambda m, of: of.DistillKLDivLoss(m)),
    "KL of two": ([*TEACHER, "--negatives", 2], lambda m, of: of.DistillKLDivLoss(m)),
    "KL of grades": (["scored"], lambda m, of: of.DistillKLDivLoss(m)),
    "batch-all": (["text-label"], lambda m, of: of.BatchAllTripletLoss(m)),
    "batch-hard": (["text-label"], lambda m, of: of.BatchHardTripletLoss(m)),
    "batch-semi-hard": (["text-label"], lambda m, of: of.BatchSemiHardTripletLoss(m)),
    "Matryoshka": (["triplet"], lambda m, of: of.MatryoshkaLoss(m, ranking(m, of), DIMENSIONS)),
    "2D-Matryoshka": (["triplet"], lambda m, of: of.Matryoshka2dLoss(m, ranking(m, of), DIMENSIONS)),
    "Matryoshka of scores": (["pair-score"], lambda m, of: of.MatryoshkaLoss(m, of.CoSENTLoss(m), DIMENSIONS)),
}


@pytest.mark.parametrize(("words", "loss"), LOSSES.values(), ids=LOSSES)
def test_a_training_step(exported, model, tmp_path, words, loss):
    from sentence_transformers import losses

    folder = exported(*words) / words[0]
    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    assert set(loaded) == {"train", "validation", "test"} or words[0] in ("scored", "pair-score", "text-label")
    sampler = "group_by_label" if words[0] == "text-label" else "no_duplicates"
    assert train(model, loaded["train"], loss(model, losses), tmp_path, batch_sampler=sampler)


def test_the_five_lines_of_the_card(run, encoder, tmp_path, monkeypatch):
    assemble(Layout(run))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    card = (run / "publish/README.md").read_text(encoding="utf-8")
    code = card.split("```python\n")[1].split("```")[0]
    assert len(code.splitlines()) == 5
    code = code.replace("USER/NAME", str(run / "publish")).replace(
        "sentence-transformers/all-MiniLM-L6-v2", str(encoder)
    )
    known = {}
    exec(code, known)
    assert len(known["data"]["train"]) > 50


def test_families_are_data_sets_of_their_own_with_prompts(exported, model, tmp_path):
    from sentence_transformers import losses

    folder = exported("triplet", "--by-family") / "triplet"
    parts = {
        name: datasets.load_dataset(str(folder), name, split="train", cache_dir=str(tmp_path / "cache"))
        for name in datasets.get_dataset_config_names(str(folder))
    }
    assert set(parts) == {"short_long", "long_short_no_in_batch_neg", "sts_no_in_batch_neg", "bitext"}
    prompts = {name: {"anchor": "query: ", "positive": "passage: ", "negative": "passage: "} for name in parts}
    assert train(
        model, parts, {
            name: losses.TripletLoss(model) if name.endswith("no_in_batch_neg") else ranking(model, losses)
            for name in parts
        }, tmp_path, prompts=prompts, max_steps=4,
    )  # fmt: skip


def test_ranked_lists_train_a_cross_encoder(exported, encoder, tmp_path):
    from sentence_transformers.cross_encoder import (
        CrossEncoder,
        CrossEncoderTrainer,
        CrossEncoderTrainingArguments,
        losses,
    )

    folder = exported("ranked-list") / "ranked-list"
    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    model = CrossEncoder(str(encoder), num_labels=1, device="cpu")
    before = [weight.detach().clone() for weight in model.parameters()]
    settings = {"max_steps": 1, "report_to": "none", "use_cpu": True, "save_strategy": "no", "learning_rate": 0.1}
    arguments = CrossEncoderTrainingArguments(str(tmp_path / "out"), disable_tqdm=True, **settings)
    CrossEncoderTrainer(model, arguments, train_dataset=loaded["train"], loss=losses.ListNetLoss(model)).train()
    assert any(bool((old != new).any()) for old, new in zip(before, model.parameters(), strict=True))
