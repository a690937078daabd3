"""The held-out rows as a retrieval benchmark: a BEIR folder, or the configs that MTEB loads.

The corpus is all that the held-out rows hold. Only the positives are known to be relevant, so scores say how a model
does on this set, not how it does at finding everything.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from flows.domain.records import Row
from flows.publishing.exports.base import Exported, ExportOptions, LineFiles, Rows
from flows.publishing.exports.tevatron import document_id
from flows.publishing.formats.labels import has_labels
from flows.publishing.formats.shape import NOT_UTF8, Unfit, encodable
from flows.publishing.splits import TRAIN


def write_beir(rows: Rows, folder: Path, options: ExportOptions) -> Exported:
    """Write `corpus.jsonl`, `queries.jsonl` and `qrels/<split>.tsv`."""
    qrels: dict[str, list[tuple[str, str]]] = defaultdict(list)
    with LineFiles(folder) as files:
        for row in _corpus_and_queries(rows, files, "corpus.jsonl", "queries.jsonl"):
            qrels[row.split or TRAIN] += _relevant(row)
    for split, pairs in sorted(qrels.items()):
        path = folder / "qrels" / f"{split}.tsv"
        path.parent.mkdir(exist_ok=True)
        lines = ["query-id\tcorpus-id\tscore", *(f"{query}\t{document}\t1" for query, document in pairs)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        files.exported.files[f"qrels/{split}.tsv"] = len(pairs)
    return files.exported


def write_mteb(rows: Rows, folder: Path, options: ExportOptions) -> Exported:
    """Write the configs `corpus`, `queries`, `instruction` and `qrels`, all as the one split that MTEB asks for."""
    with LineFiles(folder) as files:
        for row in _corpus_and_queries(rows, files, "corpus/test.jsonl", "queries/test.jsonl"):
            files.add("instruction/test.jsonl", {"query-id": row.id, "instruction": row.instruction})
            for query, document in _relevant(row):
                files.add("qrels/test.jsonl", {"query-id": query, "corpus-id": document, "score": 1})
    names = [path.partition("/")[0] for path in files.exported.files]
    configs = [f"- config_name: {name}\n  data_files:\n  - split: test\n    path: {name}/test.jsonl" for name in names]
    metadata = "\n".join(["configs:", *configs]) if configs else ""
    return Exported(files.exported.files, files.exported.unfit, metadata)


def _corpus_and_queries(rows: Rows, files: LineFiles, corpus: str, queries: str) -> Iterator[Row]:
    """Write the documents, each once, and the queries; yield the rows that a search can be made of."""
    seen: set[str] = set()
    for row in rows():
        if unfit := _unfit(row):
            files.leave_out(unfit)
            continue
        for text in (*row.positives, *row.negatives):
            if (name := document_id(text)) not in seen:
                seen.add(name)
                files.add(corpus, {"_id": name, "title": "", "text": text.text})
        files.add(queries, {"_id": row.id, "text": row.query})
        yield row


def _unfit(row: Row) -> Unfit | None:
    if row.split in (None, TRAIN):
        return Unfit("not_held_out")
    if not encodable(row):
        return NOT_UTF8
    if has_labels(row):
        return Unfit("labels")
    return Unfit("symmetric") if row.symmetric else None


def _relevant(row: Row) -> list[tuple[str, str]]:
    return [(row.id, name) for name in dict.fromkeys(document_id(text) for text in row.positives)]
