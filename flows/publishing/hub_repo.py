"""One data set repository of the Hub, by the few calls that publishing needs."""

import hashlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from flows.errors import PublishError

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

Content: TypeAlias = Path | bytes | None
"""What a path shall hold: the bytes of a file, these bytes, or nothing any more."""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest commit of a repository."""

    oid: str | None
    """None: there is no repository."""
    files: Mapping[str, "RepoFile"]


@dataclass(frozen=True, slots=True)
class HubRepo:
    """A repository; every method may raise whatever the client raises."""

    api: "HfApi"
    repo_id: str

    def head(self) -> Head:
        """Read the newest commit of the main branch."""
        from huggingface_hub.errors import RepositoryNotFoundError
        from huggingface_hub.hf_api import RepoFile

        try:
            oid = self.api.dataset_info(self.repo_id, revision="main").sha
        except RepositoryNotFoundError as error:
            if error.response.status_code != 404:
                raise
            return Head(None, {})
        entries = self.api.list_repo_tree(self.repo_id, recursive=True, revision=oid, repo_type="dataset")
        return Head(oid, {entry.path: entry for entry in entries if isinstance(entry, RepoFile)})

    def create(self, *, private: bool) -> None:
        """Create it, unless it exists."""
        self.api.create_repo(self.repo_id, repo_type="dataset", private=private, exist_ok=True)

    def read(self, path: str, revision: str) -> str:
        """Read a small text file; raises PublishError when it is no text."""
        try:
            return self.read_bytes(path, revision).decode("utf-8-sig")
        except UnicodeDecodeError:
            raise PublishError(f"{self.repo_id}: its {path} is not UTF-8 text: correct it there") from None

    def read_bytes(self, path: str, revision: str) -> bytes:
        """Read a file that fits into memory."""
        from huggingface_hub import get_session, hf_hub_url
        from huggingface_hub.utils import build_hf_headers, hf_raise_for_status  # type: ignore[attr-defined]

        url = hf_hub_url(self.repo_id, path, repo_type="dataset", revision=revision, endpoint=self.api.endpoint)
        response = get_session().get(url, headers=build_hf_headers(token=self.api.token))
        hf_raise_for_status(response)
        return bytes(response.content)

    def commit(self, changes: Mapping[str, Content], parent: str | None, message: str) -> str:
        """Make one commit on top of `parent`, and none if another has become the head; returns its id."""
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        operations = [
            CommitOperationDelete(path) if content is None else CommitOperationAdd(path, content)
            for path, content in changes.items()
        ]
        done = self.api.create_commit(
            self.repo_id, operations, commit_message=message, repo_type="dataset", parent_commit=parent
        )
        return done.oid

    def tagged(self, tag: str) -> str | None:
        """Give the commit that a tag marks, or None."""
        refs = self.api.list_repo_refs(self.repo_id, repo_type="dataset")
        return next((ref.target_commit for ref in refs.tags if ref.name == tag), None)

    def mark(self, tag: str, oid: str) -> None:
        """Give a commit a tag."""
        self.api.create_tag(self.repo_id, tag=tag, revision=oid, repo_type="dataset")

    def url(self, oid: str | None) -> str:
        """Give the address of a commit, or of the repository."""
        address = f"{self.api.endpoint}/datasets/{self.repo_id}"
        return f"{address}/commit/{oid}" if oid else address


@contextmanager
def plain_output() -> Iterator[None]:
    """Keep the client's progress bars out of what is not a terminal."""
    from huggingface_hub.utils import (  # type: ignore[attr-defined]
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    silence = not sys.stderr.isatty() and not are_progress_bars_disabled()
    if silence:
        disable_progress_bars()
    try:
        yield
    finally:
        if silence:
            enable_progress_bars()


def same(content: Path | bytes, remote: "RepoFile") -> bool:
    """Tell by digest whether the Hub has this content; large files are kept by SHA-256, others as git blobs."""
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    if size != remote.size:
        return False
    if remote.lfs is not None:
        return _digest(content, "sha256") == remote.lfs.sha256
    return _digest(content, "sha1", b"blob %d\0" % size) == remote.blob_id


def _digest(content: Path | bytes, algorithm: str, prefix: bytes = b"") -> str:
    hasher = hashlib.new(algorithm, prefix)
    if isinstance(content, bytes):
        hasher.update(content)
    else:
        with content.open("rb") as file:
            while part := file.read(1 << 20):
                hasher.update(part)
    return hasher.hexdigest()
