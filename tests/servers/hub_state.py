"""What the test Hub knows: repositories as commits of whole trees, stored objects, and the faults to come."""

import hashlib
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Blob:
    """One version of a file."""

    data: bytes
    lfs: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def oid(self) -> str:
        content = self.data
        if self.lfs:
            content = f"version https://git-lfs/spec/v1\noid sha256:{self.sha256}\nsize {len(self.data)}\n".encode()
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

    def entry(self, path: str) -> dict[str, Any]:
        pointer = {"lfs": {"oid": self.sha256, "size": len(self.data), "pointerSize": 134}} if self.lfs else {}
        return {"type": "file", "path": path, "size": len(self.data), "oid": self.oid, **pointer}


@dataclass(frozen=True)
class Commit:
    """A whole tree, as one commit left it."""

    oid: str
    title: str
    files: dict[str, Blob]


@dataclass
class Repo:
    """One data set repository."""

    private: bool
    commits: list[Commit] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def head(self) -> Commit:
        return self.commits[-1]

    def find(self, revision: str) -> Commit | None:
        revision = self.tags.get(revision, revision)
        if revision in ("main", "refs/heads/main"):
            return self.head
        return next((commit for commit in self.commits if commit.oid == revision), None)

    def add(self, title: str, files: dict[str, Blob]) -> Commit:
        oid = hashlib.sha1(f"{len(self.commits)} {title}".encode()).hexdigest()
        self.commits.append(Commit(oid, title, files))
        return self.head


@dataclass
class Fault:
    """Spoils the next `times` requests whose "METHOD /path" matches; each fault in turn."""

    route: str
    status: int | None = None
    """Answer this instead of doing anything."""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"error": "spoiled"}'
    lost: bool = False
    """Do it, then break the connection without an answer."""
    reset: bool = False
    """Break the connection without doing anything."""
    stall: bool = False
    """Never answer."""
    before: Callable[["HubState"], None] | None = None
    """Do this first, then answer as usual."""
    times: int = 1


@dataclass
class HubState:
    """All that the Hub knows."""

    url: str = ""
    repos: dict[str, Repo] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)
    """LFS objects by sha256."""
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    """METHOD /path of everything that was asked."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    closing: threading.Event = field(default_factory=threading.Event)

    def create(self, name: str, *, private: bool = True, files: dict[str, bytes] | None = None) -> Repo:
        repo = self.repos[name] = Repo(private)
        repo.add("initial commit", {".gitattributes": Blob(b"*.parquet filter=lfs\n", lfs=False)})
        if files:
            self.commit(name, "by hand", files)
        return repo

    def commit(self, name: str, title: str, files: dict[str, bytes]) -> Commit:
        repo = self.repos[name]
        blobs = {path: Blob(data, path.endswith(".parquet")) for path, data in files.items()}
        return repo.add(title, repo.head.files | blobs)

    def asked(self, route: str) -> int:
        return sum(bool(re.search(route, request)) for request in self.requests)

    def fault(self, request: str) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if fault.times and re.search(fault.route, request):
                    fault.times -= 1
                    return fault
        return None
