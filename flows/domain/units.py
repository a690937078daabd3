"""One thing to ask a model, with a key derived from its content."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flows.domain.records import Json
from flows.ids import digest


@dataclass(frozen=True, slots=True)
class Unit:
    """One place of a stage, asked for the `attempt`-th time."""

    stage: str
    family: str
    slot: int
    attempt: int
    prompt: str
    """Name of the prompt file, `e5/short_long`."""
    variables: Mapping[str, Json] = field(default_factory=dict)
    """All that the prompt's body is rendered from."""
    model: str = ""
    """Name of the recipe's entry `[[llm]]` that is asked; empty where there is only one."""

    def key(self, fingerprint: str) -> str:
        """Give the unit's id within runs of this fingerprint."""
        asked = (self.stage, self.family, self.slot, self.attempt, self.prompt, dict(self.variables), self.model)
        return digest(fingerprint, *asked)


@dataclass(frozen=True, slots=True)
class Dropped:
    """A unit or row that goes no further, with the reason the ledger counts it under."""

    id: str
    reason: str
    detail: str
    """One line for a person: the measured value and the threshold, the twin's id, the parser's complaint."""
    content: Mapping[str, Json]
    """The row, task or unit as it was."""
