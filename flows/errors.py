"""Every exception of the package, drawn as one tree.

TriplesmithError              what a user sees as one line; `exit_code` is the process's
├── UsageError          (2)   a wrong option, recipe, prompt or run folder: correct it and call again
├── StoppedError        (3)   a gate or a budget stopped the run; the same command continues it
├── StoreError          (1)   a file of a run folder is damaged or cannot be written
├── PublishError        (1)   the Hub did not take the data
├── WorkerError         (1)   a worker process of a run ended before its work did
├── PrefectServerError  (1)   Prefect's server for the run did not start
└── FatalLLMError       (1)   no call to this model can succeed: wrong key, no such model
    └── AbsentError     (1)   nobody answers at the endpoint's address
LLMError                      one call failed; never reaches a user
├── TransientLLMError         the same call may succeed later (429, 5xx, a broken connection, a timeout)
└── RejectedLLMError          this request will never be answered, others may be (content filter)
"""


class TriplesmithError(Exception):
    """What went wrong, where, and what to do, in one line."""

    exit_code = 1


class UsageError(TriplesmithError):
    """The caller asked for something that cannot be: exit code 2."""

    exit_code = 2


class StoppedError(TriplesmithError):
    """A gate or a budget stopped the run; running again continues it: exit code 3."""

    exit_code = 3


class StoreError(TriplesmithError):
    """A file of the run folder is damaged or cannot be written."""


class PublishError(TriplesmithError):
    """The Hub did not take the data."""


class WorkerError(TriplesmithError):
    """A worker process of a run ended before its work did."""


class PrefectServerError(TriplesmithError):
    """Prefect's server for the run did not start."""


class FatalLLMError(TriplesmithError):
    """No call to this endpoint or model can succeed."""


class AbsentError(FatalLLMError):
    """Nobody answers at an endpoint's address."""


class LLMError(Exception):
    """One call to a model failed."""


class TransientLLMError(LLMError):
    """The same call may succeed later."""

    def __init__(
        self, message: str, *, kind: str = "error", status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.kind = kind
        """Short name for tallies: rate_limit, overloaded, unreachable, timeout, reset, server_error, bad_body."""
        self.status = status
        """HTTP status, if one came."""
        self.retry_after = retry_after
        """Seconds the server asked us to wait, if it did."""


class RejectedLLMError(LLMError):
    """This request will never be answered, though others may be."""

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason
        """Name under which the ledger counts the unit, e.g. `content_filter`."""
