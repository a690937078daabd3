"""What has gone to a model and come back so far."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Traffic:
    """Counters of one client at one moment, for progress displays and reports."""

    limit: int = 0
    """Most requests allowed in flight just now."""
    in_flight: int = 0
    waiting: int = 0
    """Requests that wait for a place in flight."""
    sent: int = 0
    answered: int = 0
    rejected: int = 0
    """Requests that will never be answered."""
    retries: Mapping[str, int] = field(default_factory=dict)
    """Kind of failure -> how often a request failed so."""
    tokens_in: int = 0
    tokens_out: int = 0
