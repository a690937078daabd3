"""Export rows in the format of a consumer, by name."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from flows.domain.records import Row
from flows.errors import UsageError
from flows.publishing.exports.base import Exported, ExportOptions, Format, Rows
from flows.publishing.exports.beir import write_beir, write_mteb
from flows.publishing.exports.flag_embedding import write_flag_embedding
from flows.publishing.exports.plain import comma_separated, jsonl, n_tuple_of, parquet, scored_of, write_text_label
from flows.publishing.exports.tevatron import write_tevatron, write_tevatron_ids
from flows.publishing.folder import replace_folder
from flows.publishing.formats.full import FULL
from flows.publishing.formats.shape import Shape
from flows.publishing.formats.texts import PAIR, PAIR_CLASS, PAIR_SCORE, RANKED_LIST, TRIPLET
from flows.publishing.instructions import STYLES, with_instructions

LOAD = 'datasets.load_dataset("FOLDER")'


def _shape(shape: Shape) -> Format:
    return Format(f"Parquet, {shape.about}", LOAD, parquet(lambda _: shape), ("by_family",))


FORMATS: Mapping[str, Format] = {
    **{shape.name: _shape(shape) for shape in (TRIPLET, PAIR, PAIR_SCORE, PAIR_CLASS, RANKED_LIST)},
    "n-tuple": Format(
        "Parquet, the same number of hard negatives on every line",
        LOAD,
        parquet(n_tuple_of),
        ("by_family", "negatives"),
    ),
    "scored": Format(
        "Parquet, n-tuples with a teacher's scores; for MarginMSELoss, DistillKLDivLoss",
        LOAD,
        parquet(scored_of),
        ("by_family", "negatives", "scorer"),
    ),
    "text-label": Format("Parquet, a text and its class; for batch-hard triplet losses", LOAD, write_text_label),
    "flag-embedding": Format(
        "JSON lines of FlagEmbedding (BGE), a file for each kind of task",
        "--train_data FOLDER/train* --same_dataset_within_batch True",
        write_flag_embedding,
        ("scorer",),
    ),
    "tevatron": Format(
        "JSON lines of Tevatron, passages inline, with a teacher's scores if a scorer is named",
        "--dataset_name json --dataset_path FOLDER/train.jsonl",
        write_tevatron,
        ("scorer",),
    ),
    "tevatron-ids": Format(
        "JSON lines of Tevatron, passages by the ids of a corpus",
        "--dataset_name json --dataset_path FOLDER/train.jsonl --corpus_name json --corpus_path FOLDER/corpus.jsonl",
        write_tevatron_ids,
    ),
    "beir": Format(
        "the held-out rows as a BEIR folder",
        'beir.datasets.data_loader.GenericDataLoader("FOLDER").load(split="validation")',
        write_beir,
    ),
    "mteb": Format(
        "the held-out rows as MTEB's configs corpus, queries, instruction and qrels",
        'datasets.load_dataset("FOLDER", "corpus")',
        write_mteb,
    ),
    "parquet": Format("Parquet, every column of the record", LOAD, parquet(lambda _: FULL), ("by_family",)),
    "jsonl": Format("JSON lines, every column of the record", LOAD, jsonl(FULL)),
    "csv": Format("CSV of triplets, with a header", LOAD, comma_separated(TRIPLET)),
}
"""Name -> format."""

MARK = "<!-- triplesmith export -->"


def export(rows: Rows, folder: Path, name: str, options: ExportOptions | None = None) -> Exported:
    """Replace a folder by the rows in one format; what the format cannot hold is counted, in its README.md too.

    Raises UsageError for an unknown format or option, or a folder that holds something else; StoreError.
    """
    options = options or ExportOptions()
    check_formats([name], options)
    folder = folder.resolve()
    readme = folder / "README.md"
    if folder.exists() and not (readme.is_file() and MARK in readme.read_text(encoding="utf-8", errors="replace")):
        if not folder.is_dir() or any(folder.iterdir()):
            raise UsageError(f"{folder}: holds other things than an earlier export: choose another folder")

    counted = 0

    def styled() -> Iterator[Row]:
        nonlocal counted
        counted = 0
        for row in with_instructions(rows(), options.instructions):
            counted += 1
            yield row

    with replace_folder(folder) as fresh:
        exported = replace(FORMATS[name].write(styled, fresh, options), rows=counted)
        (fresh / readme.name).write_text(_readme(name, exported), encoding="utf-8")
    return exported


def check_formats(names: Sequence[str], options: ExportOptions) -> None:
    """Raise UsageError for a format that there is not, or an option that would change nothing."""
    for name in names:
        if name not in FORMATS:
            raise UsageError(f"format {name!r}: choose one of {', '.join(FORMATS)}")
    if options.instructions not in STYLES:
        raise UsageError(f"instructions {options.instructions!r}: choose one of {', '.join(STYLES)}")
    for name in ("by_family", "negatives", "scorer"):
        takers = [format_name for format_name, one in FORMATS.items() if name in one.takes]
        if getattr(options, name) != getattr(ExportOptions(), name) and not {*names} & {*takers}:
            raise UsageError(
                f"--{name.replace('_', '-')} is for {', '.join(takers)}: leave it out, or name one of them"
            )


def _readme(name: str, exported: Exported) -> str:
    head = f"---\n{exported.metadata}\n---\n" if exported.metadata else ""
    files = "".join(f"| {path} | {lines} |\n" for path, lines in sorted(exported.files.items()))
    reasons = "".join(f"| {reason} | {count} |\n" for reason, count in sorted(exported.unfit.items()))
    left_out = f"\nRows that the format cannot hold:\n\n| reason | rows |\n| --- | ---: |\n{reasons}" if reasons else ""
    return (
        f"{head}{MARK}\n# {name}\n\n{FORMATS[name].about}.\n\n```\n{FORMATS[name].usage}\n```\n\n"
        f"| file | lines |\n| --- | ---: |\n{files}{left_out}"
    )
