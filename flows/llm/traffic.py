"""What has gone to a model and come back so far."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields

from flows.llm.types import LLM, unwrap


@dataclass(slots=True)
class Traffic:
    """Counters of one client, true at any moment, for progress displays and reports."""

    limit: int = 0
    """Most requests allowed in flight just now."""
    in_flight: int = 0
    sent: int = 0
    answered: int = 0
    rejected: int = 0
    """Requests that will never be answered."""
    retries: Counter[str] = field(default_factory=Counter)
    """Kind of failure -> how often a request failed so."""
    waiting: tuple[str, ...] = ()
    """What is waited for, in words, where that takes long."""
    tokens_in: int = 0
    tokens_out: int = 0
    state: str = ""
    """What the model is about while it cannot answer, `starting …`."""


def sum_traffic(several: Iterable[Traffic]) -> Traffic:
    """Add the counters of several clients."""
    total = Traffic()
    for traffic in several:
        total.state = ", ".join(filter(None, (total.state, traffic.state)))
        for name in (entry.name for entry in fields(Traffic) if entry.name != "state"):
            setattr(total, name, getattr(total, name) + getattr(traffic, name))
    return total


def traffic_of(llm: LLM) -> Traffic:
    """Give the live counters of a client; those of one that sends nothing stay 0."""
    traffic = getattr(unwrap(llm), "traffic", None)
    return traffic if isinstance(traffic, Traffic) else Traffic()


def lanes_of(llm: LLM) -> Mapping[str, Traffic]:
    """Give the counters of a client's endpoints by address, none where it has no endpoint."""
    lanes: Mapping[str, Traffic] = getattr(unwrap(llm), "lanes", {})
    return lanes
