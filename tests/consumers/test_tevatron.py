"""Tevatron reads an export with its own preprocessor, data set and collator, and trains on it.

What is installed is the last release, which knows passages inline only; `tevatron-ids`, for the unreleased loader, is
checked by its contract in tests/publishing/test_export.py.
"""

from types import SimpleNamespace

import datasets

from tests.consumers.conftest import needs

pytestmark = needs("tevatron")


def test_a_training_step(exported, encoder, tmp_path):
    import torch
    from tevatron.arguments import DataArguments, ModelArguments
    from tevatron.data import QPCollator, TrainDataset
    from tevatron.datasets.preprocessor import TrainPreProcessor
    from tevatron.modeling import DenseModel
    from transformers import AutoTokenizer

    file = exported("tevatron") / "tevatron/train.jsonl"
    loaded = datasets.load_dataset("json", data_files=str(file), split="train", cache_dir=str(tmp_path / "cache"))
    assert set(loaded.column_names) == {"query_id", "query", "positive_passages", "negative_passages"}
    tokenizer = AutoTokenizer.from_pretrained(str(encoder))
    read = loaded.map(TrainPreProcessor(tokenizer), remove_columns=loaded.column_names)
    settings = DataArguments(train_n_passages=3)
    trainer = SimpleNamespace(state=SimpleNamespace(epoch=0), args=SimpleNamespace(seed=0))
    prepared = TrainDataset(settings, read, _Encoding(tokenizer), trainer)
    batch = QPCollator(tokenizer, max_q_len=32, max_p_len=64)([prepared[n] for n in range(4)])
    first = tokenizer.decode(batch[1]["input_ids"][0], skip_special_tokens=True)
    positives = [passage["text"].lower().split() for passage in loaded[0]["positive_passages"]]
    assert first.split()[:2] in [words[:2] for words in positives], "a title, or a space, stands before the text"

    arguments = SimpleNamespace(negatives_x_device=False, grad_cache=False, per_device_train_batch_size=4)
    model = DenseModel.build(ModelArguments(str(encoder)), settings, arguments)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    before = [weight.detach().clone() for weight in model.parameters()]
    model.train()
    model(query=batch[0], passage=batch[1]).loss.backward()
    optimizer.step()
    assert any(bool((old != new).any()) for old, new in zip(before, model.parameters(), strict=True))


class _Encoding:
    """The one method of a tokenizer that the release calls and transformers 5 no longer has."""

    def __init__(self, tokenizer):
        self._tokenizer = tokenizer

    def encode_plus(self, ids, max_length, **_):
        from transformers import BatchEncoding

        room = max_length - 2
        return BatchEncoding({"input_ids": [self._tokenizer.cls_token_id, *ids[:room], self._tokenizer.sep_token_id]})
