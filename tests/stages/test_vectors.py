import numpy as np

from flows.curation.policy import CurationPolicy
from flows.curation.semantic import SemanticPolicy
from flows.stages.job import Job
from flows.stages.vectors import RowVectors
from flows.store.jsonio import write_lines
from flows.store.layout import Layout
from tests.factories import row


class Counting:
    """Counts letters, and the texts it is given."""

    def __init__(self):
        self.seen = []

    def encode(self, texts):
        self.seen += texts
        return np.array([[text.count("a"), text.count("b")] for text in texts], np.float32)


def test_a_shard_is_encoded_once_and_again_for_another_encoder_or_new_rows(tmp_path):
    encoder, opened = Counting(), []
    job = Job(Layout(tmp_path), "generate", CurationPolicy())

    def vectors(name="one", compare="query"):
        def open_(name):
            opened.append(name)
            return encoder

        return RowVectors(job, SemanticPolicy(name, compare=compare), open_).of(0).tolist()

    def write(*queries):
        write_lines(
            job.layout.rows("generate", 0), [row(id=query, query=query, positives=("bb",)) for query in queries]
        )

    write("a", "ab")
    first = vectors()
    assert first == [[1, 0], [np.float32(0.5**0.5)] * 2]
    assert vectors() == first
    assert (encoder.seen, opened) == (["a", "ab"], ["one"])
    assert vectors("two") == first
    assert vectors(compare="positive") == [[0, 1], [0, 1]]
    assert opened == ["one", "two", "one"]
    write("b")
    assert vectors() == [[0, 1]]
