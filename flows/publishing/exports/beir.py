"""The held-out rows as a retrieval benchmark: a BEIR folder, or the configs that MTEB loads."""

from collections import defaultdict
from pathlib import Path

from flows.publishing.exports.base import Exported, ExportOptions, LineFiles, Rows, files_of
from flows.publishing.formats.retrieval import new_documents, relevant, retrieval_shapes, unfit_for_retrieval
from flows.publishing.formats.shape import NOT_UTF8, encodable
from flows.publishing.metadata import config_metadata, to_yaml
from flows.publishing.parquet import write_parquet
from flows.publishing.splits import TRAIN


def write_beir(rows: Rows, folder: Path, options: ExportOptions) -> Exported:
    """Write `corpus.jsonl`, `queries.jsonl` and `qrels/<split>.tsv`."""
    qrels: dict[str, list[tuple[str, str, int]]] = defaultdict(list)
    documents = new_documents()
    written: set[str] = set()
    with LineFiles(folder) as files:
        for row in rows():
            if unfit := (NOT_UTF8 if not encodable(row) else unfit_for_retrieval(row)):
                files.leave_out(unfit)
                continue
            for name, text in documents(row):
                if name not in written:
                    files.add("corpus.jsonl", {"_id": name, "title": "", "text": text.text})
                    written.add(name)
            files.add("queries.jsonl", {"_id": row.id, "text": row.query})
            qrels[row.split or TRAIN] += relevant(row)
    for split, pairs in sorted(qrels.items()):
        path = folder / "qrels" / f"{split}.tsv"
        path.parent.mkdir(exist_ok=True)
        lines = ["query-id\tcorpus-id\tscore", *(f"{query}\t{document}\t{score}" for query, document, score in pairs)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        files.exported.files[f"qrels/{split}.tsv"] = len(pairs)
    return files.exported


def write_mteb(rows: Rows, folder: Path, options: ExportOptions) -> Exported:
    """Write the configs `corpus`, `queries`, `qrels` and `instruction`; MTEB takes a lone split for its `test`."""
    written = write_parquet(rows(), folder, retrieval_shapes())
    files = {path: lines for config in written for path, lines in files_of(config).items()}
    unfit = next(config.unfit for config in written if config.name == "queries")
    named = [config for config in written if config.rows]
    return Exported(files, unfit, metadata=to_yaml(config_metadata(named)) if named else "")
