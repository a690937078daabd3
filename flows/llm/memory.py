"""What was learnt about endpoints, kept for the next process."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flows.llm.ladder import STEPS
from flows.llm.wire import Dialect


@dataclass(frozen=True, slots=True)
class Learnt:
    """What an endpoint takes from one of its models' callers."""

    step: str | None = None
    """Name of the ladder's step that serves, None where that is not known."""
    dialect: Dialect = field(default_factory=Dialect)


class Memory:
    """What is known by address and model; `entries` is plain JSON, and `save` is given it whenever it changes.

    An entry that cannot be read counts for nothing: what it said is found out anew.
    """

    def __init__(
        self, entries: Mapping[str, Any] | None = None, save: Callable[[Mapping[str, Any]], None] = lambda entries: None
    ) -> None:
        self._entries: dict[str, Any] = dict(entries or {})
        self._save = save

    def recall(self, where: str, model: str) -> Learnt:
        """Give what is known of a model at an address."""
        try:
            entry = self._entries[where][model]
            step, completion_tokens, without = (entry[name] for name in ("step", "max_completion_tokens", "without"))
            known = step if step in {step.name for step in STEPS} else None
            return Learnt(known, Dialect(bool(completion_tokens), frozenset(map(str, without))))
        except (KeyError, TypeError):
            return Learnt()

    def keep(self, where: str, model: str, learnt: Learnt) -> None:
        """Note what is known now."""
        if learnt == self.recall(where, model):
            return
        known = self._entries.get(where)
        entry = {
            "step": learnt.step,
            "max_completion_tokens": learnt.dialect.completion_tokens,
            "without": sorted(learnt.dialect.without),
        }
        self._entries[where] = {**(known if isinstance(known, dict) else {}), model: entry}
        self._save(self._entries)
