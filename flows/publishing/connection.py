"""Calls to one repository of the Hub, tried again when it is busy, silent or changed by others."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from flows.errors import UsageError
from flows.publishing.hub_errors import expected, explain, retry_after
from flows.publishing.hub_repo import HubRepo

WAITS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Seconds before each further try."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Connection:
    """How the Hub is reached."""

    token: str | None = None
    """HF_TOKEN, or the saved login, when None."""
    endpoint: str | None = None
    """HF_ENDPOINT when None."""
    timeout: float = 120.0
    """Longest silence of the server, in seconds."""
    waits: Sequence[float] = field(default_factory=lambda: WAITS)
    sleep: Callable[[float], None] = time.sleep

    def persist(self, repo_id: str, attempt: Callable[[HubRepo], T]) -> T:
        """Call until it succeeds or cannot; raises UsageError for a bad name, PublishError."""
        from huggingface_hub import HfApi, constants, get_session, get_token

        check_name(repo_id)
        # the client reads HF_ENDPOINT when it is imported, which may be long before
        endpoint = (self.endpoint or os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")
        token = self.token.strip() if self.token else get_token()
        repo = HubRepo(HfApi(endpoint=endpoint, token=token), repo_id)
        for wait in (*self.waits, None):
            try:
                get_session().timeout = self.timeout
                return attempt(repo)
            except expected() as error:
                asked = retry_after(error)
                if wait is None or asked is None:
                    raise explain(error, repo_id, endpoint, token) from None
                self.sleep(max(wait, asked))
        raise AssertionError("the last try returns or raises")


def check_name(repo_id: str) -> None:
    """Raise UsageError for what is no USER/NAME."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(repo_id)
        fits = repo_id.count("/") == 1
    except HFValidationError:
        fits = False
    if not fits:
        raise UsageError(f"{repo_id!r} is no repository name: write USER/NAME, of letters, digits, '-', '_' and '.'")
