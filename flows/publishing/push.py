"""Upload a prepared folder to the Hub: data and card in one commit."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from flows.errors import UsageError
from flows.publishing.changes import folder_files, growing, replacing
from flows.publishing.hub_errors import expected, explain, retry_after
from flows.publishing.hub_repo import Content, Head, HubRepo, plain_output

WAITS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Seconds before each further try."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One file of a commit."""

    kind: Literal["add", "delete"]
    path: str
    size: int
    """Bytes."""

    def __str__(self) -> str:
        return f"{self.kind} {self.path} ({self.size} bytes)"


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did, or with `dry_run` would do."""

    url: str
    """Of the commit."""
    oid: str | None
    """None: there is no repository yet (`dry_run`)."""
    operations: tuple[Operation, ...]
    """Empty: the repository had it all already, and no commit was made."""


def push(
    folder: Path,
    repo_id: str,
    *,
    private: bool = True,
    token: str | None = None,
    endpoint: str | None = None,
    tag: str | None = None,
    append: str | None = None,
    message: str = "Publish with triplesmith",
    dry_run: bool = False,
    timeout: float = 120.0,
    waits: Sequence[float] = WAITS,
    sleep: Callable[[float], None] = time.sleep,
) -> Pushed:
    """Make a repository hold what `folder` holds, in one commit; no commit when it does already.

    The repository is created, `private` unless told otherwise, when there is none. Files of our configs that the folder
    no longer has are deleted in the same commit, all others stay, and the card is merged into the one that is there.
    With `append`, a card template, the set grows: earlier data stays as it is and the card sums up all runs.
    Every try starts from the head as it is then: a commit whose answer was lost is not made twice, and one that lost a
    race is made again on top of the winner's. `timeout` is the longest silence of the server, in seconds. Token and
    endpoint default to HF_TOKEN (or the saved login) and HF_ENDPOINT. Raises UsageError, PublishError.
    """
    from huggingface_hub import HfApi, constants, get_session, get_token

    files = folder_files(folder)
    _check_name(repo_id)
    # the client reads HF_ENDPOINT when it is imported, which may be long before
    endpoint = (endpoint or os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")
    token = token.strip() if token else get_token()
    repo = HubRepo(HfApi(endpoint=endpoint, token=token), repo_id)
    operations: tuple[Operation, ...] = ()
    for wait in (*waits, None):
        try:
            get_session().timeout = timeout
            head = repo.head()
            if head.oid is None and not dry_run:
                repo.create(private=private)
                head = repo.head()
            changes = growing(files, head, repo, append) if append else replacing(files, head, repo)
            operations = tuple(_operation(path, content, head) for path, content in changes.items()) or operations
            if dry_run:
                return Pushed(repo.url(head.oid), head.oid, operations)
            with plain_output():
                oid = _publish(repo, head, changes, message, tag)
            return Pushed(repo.url(oid), oid, operations)
        except expected() as error:
            asked = retry_after(error)
            if wait is None or asked is None:
                raise explain(error, repo_id, endpoint, token) from None
            sleep(max(wait, asked))
    raise AssertionError("the last try returns or raises")


def _publish(repo: HubRepo, head: Head, changes: Mapping[str, Content], message: str, tag: str | None) -> str:
    """Commit what is to change, if anything, and tag the result."""
    assert head.oid is not None
    marked = repo.tagged(tag) if tag else None
    if marked and (changes or marked != head.oid):
        raise UsageError(f"{repo.repo_id}: tag {tag!r} marks another commit already: choose another name")
    oid = repo.commit(changes, head.oid, message) if changes else head.oid
    if tag and not marked:
        repo.mark(tag, oid)
    return oid


def _operation(path: str, content: Content, head: Head) -> Operation:
    if content is None:
        return Operation("delete", path, head.files[path].size)
    return Operation("add", path, len(content) if isinstance(content, bytes) else content.stat().st_size)


def _check_name(repo_id: str) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(repo_id)
        fits = repo_id.count("/") == 1
    except HFValidationError:
        fits = False
    if not fits:
        raise UsageError(f"{repo_id!r} is no repository name: write USER/NAME, of letters, digits, '-', '_' and '.'")
