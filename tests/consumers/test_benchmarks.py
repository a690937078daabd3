"""BEIR and MTEB load the held-out rows with their own loaders and score a model on them."""

import pytest

from flows.stages.publish import assemble
from flows.store.layout import Layout
from tests.consumers.conftest import needs, rows


@pytest.mark.parametrize("split", ["validation", "test"])
class TestBeir:
    pytestmark = needs("beir")

    def test_the_loader_and_a_score(self, exported, split):
        from beir.datasets.data_loader import GenericDataLoader
        from beir.retrieval.evaluation import EvaluateRetrieval

        corpus, queries, qrels = GenericDataLoader(str(exported("beir") / "beir")).load(split=split)
        assert queries and set(qrels) == set(queries)
        known = {row.id: row for row in rows()}
        for name, judged in qrels.items():
            assert queries[name] == known[name].query
            assert {corpus[document]["text"] for document in judged} == {text.text for text in known[name].positives}
        perfect = {name: {document: 1.0 for document in judged} for name, judged in qrels.items()}
        ndcg, *_ = EvaluateRetrieval.evaluate(qrels, perfect, [10])
        assert ndcg["NDCG@10"] == 1.0


class TestMteb:
    pytestmark = needs("mteb")

    @pytest.fixture(params=["export", "published"])
    def folder(self, request, exported, run):
        if request.param == "export":
            return exported("mteb") / "mteb"
        assemble(Layout(run))
        return run / "publish"

    def test_the_loader(self, folder):
        from mteb.abstasks.retrieval_dataset_loaders import RetrievalDatasetLoader

        loaded = RetrievalDatasetLoader(str(folder), None, split="test").load()
        known = {row.id: row for row in rows()}
        documents = dict(zip(loaded["corpus"]["id"], loaded["corpus"]["text"], strict=True))
        assert len(loaded["queries"]) == len(loaded["relevant_docs"]) > 0
        for query in loaded["queries"]:
            row = known[query["id"]]
            assert (query["text"], query["instruction"]) == (row.query, row.instruction)
            judged = loaded["relevant_docs"][query["id"]]
            assert {documents[name] for name in judged} == {text.text for text in row.positives}

    def test_a_model_is_scored(self, folder, encoder):
        import mteb
        from mteb.abstasks.retrieval import AbsTaskRetrieval
        from mteb.abstasks.task_metadata import TaskMetadata
        from sentence_transformers import SentenceTransformer

        class Held(AbsTaskRetrieval):
            metadata = TaskMetadata(
                name="Held", description="Held-out rows", reference=None, type="Retrieval", category="t2t",
                modalities=["text"], eval_splits=["test"], eval_langs=["eng-Latn"], main_score="ndcg_at_10",
                dataset={"path": str(folder), "revision": "local"}, date=None, domains=None, task_subtypes=None,
                license=None, annotations_creators=None, dialect=None, sample_creation=None, bibtex_citation=None,
            )  # fmt: skip

        model = SentenceTransformer(str(encoder), device="cpu")
        result = mteb.evaluate(model, Held(), cache=None, show_progress_bar=False)
        assert 0 < result.task_results[0].get_score() <= 1
