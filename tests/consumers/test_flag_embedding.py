"""FlagEmbedding loads an export with its own loaders and trains on it."""

import json

import pytest

from tests.consumers.conftest import needs

pytestmark = needs("FlagEmbedding")

PLAIN = {"same_dataset_within_batch": False}
"""FlagEmbedding's other loader, which mixes all files."""


@pytest.fixture
def run_training(encoder, tmp_path):
    """Train two steps with FlagEmbedding's own runner; returns it with the weights as they were."""
    from FlagEmbedding.abc.finetune.embedder import (
        AbsEmbedderDataArguments,
        AbsEmbedderModelArguments,
        AbsEmbedderTrainingArguments,
    )
    from FlagEmbedding.finetune.embedder.encoder_only.base import EncoderOnlyEmbedderRunner

    def train(folder, **changes):
        settings = {
            "train_data": [str(path) for path in sorted(folder.glob("train*"))],
            "cache_path": str(tmp_path / "cache"),
            "train_group_size": 3,
            "query_instruction_for_retrieval": "unused, every row has a prompt: ",
            "query_instruction_format": "Instruct: {}\nQuery: {}",
            "same_dataset_within_batch": True,
            **changes,
        }
        arguments = AbsEmbedderTrainingArguments(
            str(tmp_path / "out"),
            per_device_train_batch_size=4,
            max_steps=2,
            learning_rate=0.1,
            report_to="none",
            use_cpu=True,
            save_strategy="no",
            disable_tqdm=True,
            dataloader_drop_last=True,
        )
        data = AbsEmbedderDataArguments(**settings)
        runner = EncoderOnlyEmbedderRunner(AbsEmbedderModelArguments(str(encoder)), data, arguments)
        before = [weight.detach().clone() for weight in runner.model.parameters()]
        runner.trainer.train()
        changed = any(bool((old != new).any()) for old, new in zip(before, runner.model.parameters(), strict=True))
        assert changed
        return runner

    return train


def test_batches_of_one_kind_of_task(exported, run_training):
    runner = run_training(exported("flag-embedding") / "flag-embedding")
    dataset = runner.train_dataset
    assert len(dataset.dataset) == sum(map(len, dataset.each_data_idxs))
    flags = {}
    for places, flag in zip(dataset.each_data_idxs, dataset.no_in_batch_neg_flags, strict=True):
        (kind,) = set(dataset.dataset[places]["type"])
        flags.setdefault(kind, set()).add(flag)
    assert flags == {"normal": {False}, "symmetric_class": {True}, "symmetric_sts": {True}}


def test_every_query_has_its_own_instruction(exported, run_training):
    dataset = run_training(exported("flag-embedding") / "flag-embedding").train_dataset
    dataset.refresh_epoch()
    seen = [dataset[n] for n in range(len(dataset))]
    queries = [query for queries, *_ in seen for query in queries]
    assert queries and all(
        query.startswith(("Instruct: Given", "Instruct: Sort", "Instruct: Find")) for query in queries
    )
    assert not any("None" in query or "unused" in query for query in queries)
    symmetric = [passages for queries, passages, *_ in seen if "mean the same" in queries[0]]
    assert any(all(passage.startswith("Instruct: Find") for passage in passages) for passages in symmetric)


def test_files_given_one_by_one_keep_their_flag(exported, run_training):
    folder = exported("flag-embedding") / "flag-embedding"
    files = [str(path) for path in sorted(folder.rglob("*.jsonl")) if path.parent.name.startswith("train")]
    flags = run_training(folder, train_data=files).train_dataset.no_in_batch_neg_flags
    assert flags == [file.endswith("no_in_batch_neg.jsonl") for file in files]
    assert set(flags) == {True, False}


def test_the_loader_that_mixes_all_files(exported, run_training):
    runner = run_training(exported("flag-embedding") / "flag-embedding", **PLAIN)
    assert set(runner.train_dataset.dataset.column_names) == {"query", "pos", "neg", "prompt", "type"}


def test_distillation(exported, run_training):
    folder = exported("flag-embedding", "--scorer", "teacher") / "flag-embedding"
    runner = run_training(folder, knowledge_distillation=True)
    _, passages, scores, _ = runner.train_dataset[0]
    assert len(scores) == len(passages)
    assert set(scores) <= {7.5, 1.25, -3.0}


def test_the_in_context_loader(exported, encoder, tmp_path):
    from FlagEmbedding.finetune.embedder.decoder_only.icl.arguments import DecoderOnlyEmbedderICLDataArguments
    from FlagEmbedding.finetune.embedder.decoder_only.icl.dataset import (
        DecoderOnlyEmbedderICLSameDatasetTrainDataset,
    )
    from transformers import AutoTokenizer

    folder = exported("flag-embedding") / "flag-embedding"
    arguments = DecoderOnlyEmbedderICLDataArguments(
        train_data=[str(path) for path in sorted(folder.glob("train*"))],
        cache_path=str(tmp_path / "cache"),
        train_group_size=2,
        query_instruction_format="<instruct>{}\n<query>{}",
        query_instruction_for_retrieval="",
        same_dataset_within_batch=True,
    )
    tokenizer = AutoTokenizer.from_pretrained(str(encoder))
    tokenizer.add_special_tokens({"bos_token": "[CLS]", "eos_token": "[SEP]"})
    loader = DecoderOnlyEmbedderICLSameDatasetTrainDataset(arguments, 4, 0, tokenizer)
    batches = [loader[n] for n in range(len(loader))]
    assert batches and all(len(passages) == 2 * len(queries) for queries, passages, *_ in batches)


def test_every_line_has_what_the_loaders_read(exported):
    folder = exported("flag-embedding") / "flag-embedding"
    for path in folder.rglob("*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            assert row["neg"] and row["pos"] and isinstance(row["prompt"], str) and row["prompt"]
