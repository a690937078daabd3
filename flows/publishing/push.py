"""Upload a prepared folder to the Hub: data and card in one commit."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from flows.errors import UsageError
from flows.publishing.changes import folder_files, growing, known_ties, latest_run, replacing
from flows.publishing.connection import Connection
from flows.publishing.hub_repo import Content, Head, HubRepo, plain_output
from flows.publishing.ties import Known


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
    tag: str | None = None,
    append: str | None = None,
    message: str = "Publish with triplesmith",
    dry_run: bool = False,
    connection: Connection | None = None,
) -> Pushed:
    """Make a repository hold what `folder` holds, in one commit; no commit when it does already.

    The repository is created, `private` unless told otherwise, when there is none. Files of our configs that the folder
    no longer has are deleted in the same commit, all others stay, and the card is merged into the one that is there.
    With `append`, a card template, the set grows: earlier data stays as it is and the card sums up all runs. The commit
    is tagged, by default with `run-` and the digest of the newest data.
    Every try starts from the head as it is then: a commit whose answer was lost is not made twice, and one that lost a
    race is made again on top of the winner's. Raises UsageError, PublishError.
    """
    files = folder_files(folder)
    operations: tuple[Operation, ...] = ()

    def attempt(repo: HubRepo) -> Pushed:
        nonlocal operations
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

    return (connection or Connection()).persist(repo_id, attempt)


def published_ties(repo_id: str, connection: Connection | None = None) -> Known:
    """Read what a repository, if there is one, has in which split; raises UsageError, PublishError."""
    return (connection or Connection()).persist(repo_id, lambda repo: known_ties(repo.head(), repo))


def tag_latest(
    repo_id: str, tag: str | None = None, *, dry_run: bool = False, connection: Connection | None = None
) -> Pushed:
    """Tag what a repository holds, in case the push that brought it ended before it did; raises as `push` does."""

    def attempt(repo: HubRepo) -> Pushed:
        head = repo.head()
        if head.oid and not dry_run:
            _publish(repo, head, {}, "", tag)
        return Pushed(repo.url(head.oid), head.oid, ())

    return (connection or Connection()).persist(repo_id, attempt)


def _publish(repo: HubRepo, head: Head, changes: Mapping[str, Content], message: str, tag: str | None) -> str:
    """Commit what is to change, if anything, and tag the result."""
    assert head.oid is not None
    name = tag or f"run-{latest_run(changes, head, repo)}"
    marked = repo.tagged(name)
    if tag and marked and (changes or marked != head.oid):
        raise UsageError(f"{repo.repo_id}: tag {tag!r} marks another commit already: choose another name")
    oid = repo.commit(changes, head.oid, message) if changes else head.oid
    if not marked:
        repo.mark(name, oid)
    return oid


def _operation(path: str, content: Content, head: Head) -> Operation:
    if content is None:
        return Operation("delete", path, head.files[path].size)
    return Operation("add", path, len(content) if isinstance(content, bytes) else content.stat().st_size)
