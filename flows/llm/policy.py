"""How calls to a model are paced, awaited and given up."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class CallPolicy:
    """Limits on calls to one endpoint; raises ValueError on a value that cannot be."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    concurrency: int = 64
    """Most requests in flight."""
    adaptive: bool = True
    """Find the best number, from `concurrency` on and never above it; False holds it."""
    timeout: float = 300.0
    """Seconds for one request, from sending to the last byte."""
    max_stall: float = 300.0
    """Seconds of failures without one answer after which the run stops."""
    attempts: int = 6
    """Tries of one request whose failure may be its own fault."""
    backoff: float = 0.5
    """Seconds: the first wait is drawn from 0 to this, each later one from a range twice as wide."""
    backoff_cap: float = 20.0
    """Seconds: the widest that range becomes."""

    def __post_init__(self) -> None:
        if self.concurrency < 1:
            raise ValueError(f"concurrency must be at least 1, not {self.concurrency}")
        if self.attempts < 1:
            raise ValueError(f"attempts must be at least 1, not {self.attempts}")
        for name in ("timeout", "max_stall"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be more than 0 seconds, not {getattr(self, name)}")
        if not 0 <= self.backoff <= self.backoff_cap:
            raise ValueError(f"backoff must be between 0 and backoff_cap ({self.backoff_cap}), not {self.backoff}")
