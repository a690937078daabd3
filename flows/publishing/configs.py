"""Which configs a published data set has."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from flows.domain.records import Row
from flows.publishing.formats.full import FULL
from flows.publishing.formats.labels import TEXT_LABEL
from flows.publishing.formats.retrieval import RETRIEVAL, retrieval_shapes
from flows.publishing.formats.shape import Record, Shape, Unfit
from flows.publishing.formats.texts import (
    PAIR,
    PAIR_CLASS,
    PAIR_SCORE,
    RANKED_LIST,
    REQUESTED,
    TRIPLET,
    n_tuple,
    scored,
)
from flows.publishing.instructions import STYLES
from flows.publishing.tasks import in_batch_name

TRAINING = ("triplet", "pair", "pair-score", "pair-class", "n-tuple", "scored", "ranked-list", "text-label")
"""Configs that hold nothing but training columns."""

NAMES = (*TRAINING, *RETRIEVAL, "full")

DEFAULT = ("triplet", "pair", "pair-score", "text-label", *RETRIEVAL, "full")
"""What a recipe publishes that says nothing else; a config without a row is left out."""


@dataclass(frozen=True, slots=True)
class ConfigOptions:
    """What a recipe may choose."""

    names: Sequence[str] = DEFAULT
    negatives: int = 1
    """Hard negatives on every line of `n-tuple` and `scored`."""
    scorer: str = REQUESTED
    """Whose scores `scored` holds."""
    instructions: Sequence[str] = ()
    """Styles in which the training configs come once more, `triplet-instruct`, with instructions in the texts."""
    groups: Sequence[str] = ()
    """Names of `in_batch_name` for which the training configs come once more, `triplet-sts_no_in_batch_neg`."""


def config_shapes(options: ConfigOptions) -> tuple[Shape, ...]:
    """Build the configs for one writing of a data set; the first that holds a row becomes its default."""
    every = (
        *(TRIPLET, PAIR, PAIR_SCORE, PAIR_CLASS, n_tuple(options.negatives), scored(options.negatives, options.scorer)),
        *(RANKED_LIST, TEXT_LABEL, *retrieval_shapes(), FULL),
    )
    known = {shape.name: shape for shape in every}
    chosen = [known[name] for name in options.names]
    training = [shape for shape in chosen if shape.name in TRAINING]
    return (
        *chosen,
        *(of_group(shape, group) for shape in training for group in options.groups),
        *(_in_style(shape, style) for shape in training for style in options.instructions),
    )


def _in_style(shape: Shape, style: str) -> Shape:
    def lay_out(write: Callable[[Row], Row], row: Row) -> Sequence[Record] | Unfit:
        return shape.lay_out(write(row))

    about = f"`{shape.name}` with instructions in the texts"
    return replace(shape, name=f"{shape.name}-{style}", lay_out=partial(lay_out, STYLES[style]), about=about)


def of_group(shape: Shape, group: str) -> Shape:
    """Build the part of a format that holds the rows of one `in_batch_name`."""

    def meant(row: Row) -> bool:
        return in_batch_name(row) == group

    return replace(shape, name=f"{shape.name}-{group}", meant=meant, about=f"the part of `{shape.name}`")
