"""Render the dataset card (README.md) of a data set from what is known of its run.

Two runs of one day that gave the same rows have the same card: no hour, no folder.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from flows.domain.languages import UNDETERMINED
from flows.domain.ledger import BenchmarkAccount, StageTally, total
from flows.domain.records import Row
from flows.publishing.configs import NAMES
from flows.publishing.metadata import config_metadata, size_category, to_yaml
from flows.publishing.parquet import Written
from flows.publishing.prompt_map import prompt_map
from flows.publishing.survey import Survey

BEGIN = "<!-- triplesmith: what stands between these two lines is rewritten at every upload -->"
END = "<!-- /triplesmith -->"

REPO = "USER/NAME"
"""Stands for the repository until there is one."""

SHOWN = 500
"""Characters of a text that a sample shows."""

LANGUAGES = 40
"""Languages and pairs of languages with a line of their own; the others share one."""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """All that the card is made from."""

    pretty_name: str
    recipe: str
    description: str
    version: str
    """Of triplesmith."""
    license: str
    """Identifier that the Hub knows, or `other`."""
    license_name: str | None
    license_link: str | None
    written: tuple[Written, ...]
    """The configs; the first that holds a row is the default."""
    ledgers: Mapping[str, tuple[StageTally, ...]]
    """Fingerprint of a run -> its account; a run that grew has one all the same."""
    survey: Survey
    made: tuple[str, str]
    """Days on which the first and the last run began, `2026-11-29`."""
    citation: str | None = None
    """BibTeX of the paper that the recipe follows."""
    adopted: bool = False
    """Whether the rows were made elsewhere, and only curated here."""
    benchmarks: tuple[BenchmarkAccount, ...] = ()
    """What curation found of the benchmarks that rows are kept clear of."""
    warnings: tuple[str, ...] = ()
    """What a person should know before training on the rows."""
    audit: Mapping[str, Any] = field(default_factory=dict)
    """Family -> AUC of classifiers that never see the query."""
    variety: Mapping[str, Any] = field(default_factory=dict)
    """Family -> how varied its texts and tasks are."""
    runs: tuple[str, ...] = ()
    """Digests of the data that the set has grown by."""

    @property
    def ledger(self) -> list[StageTally]:
        """The account of all runs together."""
        every = [tally for ledger in self.ledgers.values() for tally in ledger]
        return [total(name, (t for t in every if t.name == name)) for name in dict.fromkeys(t.name for t in every)]


def render_card(facts: CardFacts, template: str) -> str:
    """Fill a card template; the same facts give the same text."""
    configs = [config for config in facts.written if config.rows]
    splits = {split for config in configs for split in config.splits}
    return (
        _environment()
        .from_string(template)
        .render(
            facts=facts,
            survey=facts.survey,
            metadata=_metadata(facts, configs),
            rows=facts.survey.rows,
            configs=configs,
            splits=sorted(splits, key=lambda split: (split == "test", split)),
            default=configs[0].name if configs else "",
            repo=REPO,
            prompts=_by_line(prompt_map(configs, facts.survey.groups)),
            left_out=[config for config in facts.written if config.unfit and config.name in NAMES],
            instructed=any(config.name.endswith("-instruct") for config in configs),
            cells=list(facts.survey.largest(LANGUAGES)),
            begin=BEGIN,
            end=END,
        )
    )


def _metadata(facts: CardFacts, configs: Sequence[Written]) -> str:
    terms: dict[str, Any] = {"license": facts.license}
    if facts.license == "other":
        # the Hub asks for a name and a link with it; without a link of the recipe's own, the card itself tells
        terms |= {"license_name": facts.license_name or "other", "license_link": facts.license_link or "README.md"}
    models = filter(None, facts.survey.models)
    metadata: dict[str, Any] = {
        "language": sorted({*facts.survey.languages_used} - {UNDETERMINED.code}),
        "pretty_name": facts.pretty_name,
        "size_categories": [size_category(facts.survey.rows)],
        "task_categories": ["sentence-similarity", "feature-extraction", "text-retrieval"],
        **(
            {}
            if facts.adopted
            else {name: ["machine-generated"] for name in ("annotations_creators", "language_creators")}
        ),
        "tags": [*([] if facts.adopted else ["synthetic"]), "sentence-transformers", "triplesmith", *models],
        **terms,
        **config_metadata(configs),
    }
    return to_yaml(metadata)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {"md": _markdown, "sample": _sample, "spread": _spread, "bar": _bar, "fenced": _fenced}
    return environment


def _markdown(text: object) -> str:
    """Write a text so that Markdown shows it as it is, on one line, in a table too."""
    return re.sub(r"([\\`*_{}\[\]<>|~&$])", r"\\\1", " ".join(str(text).split()))


def _spread(by_language: Mapping[str, Any]) -> str:
    """Give the range of distinct-2 over languages."""
    found = sorted({round(one["distinct"][1], 2) for one in by_language.values()})
    return f"{found[0]:.2f}" if len(found) == 1 else f"{found[0]:.2f} to {found[-1]:.2f}" if found else "–"


def _bar(tally: StageTally) -> str:
    """Show what a stage left of what it had, as a bar of up to twenty blocks and in percent."""
    had = tally.entered + tally.created
    part = tally.out / had if had else 0.0
    return f"{'█' * round(20 * part)} {round(100 * part)} %".strip()


def _by_line(prompts: Mapping[str, Mapping[str, str]]) -> str:
    """Write prompts as JSON, a line for each config."""
    lines = (f"  {json.dumps(name)}: {json.dumps(columns, ensure_ascii=False)}" for name, columns in prompts.items())
    return "{\n" + ",\n".join(lines) + "\n}"


def _fenced(text: str) -> str:
    """Write a text so that it ends neither the code block around it nor our part of the card."""
    return text.strip().replace("`" * 3, "'" * 3).replace("<!--", "<! --")


def _sample(row: Row) -> str:
    """Show a row as JSON, where no text can end the code block around it or our part of the card."""
    shown = {
        "instruction": row.instruction,
        "query": row.query,
        "positives": [text.text for text in row.positives],
        "negatives": [text.text for text in row.negatives],
        "model": row.generator.model,
    }
    return json.dumps(_cut(shown), indent=2, ensure_ascii=False).replace("<!--", "\\u003c!--")


def _cut(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _cut(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_cut(member) for member in value]
    text = value.encode(errors="replace").decode()
    return text if len(text) <= SHOWN else text[:SHOWN] + " …"
