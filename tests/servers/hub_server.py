"""A Hub on 127.0.0.1: what huggingface_hub and datasets need of its protocol, kept in memory, with faults on demand."""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.servers.hub_state import Blob, Commit, HubState, Repo

TOKENS = {"hf_alice": "alice", "hf_bob": "bob"}
REPO = r"/datasets/(?P<repo>[^/]+/[^/]+)"


class Refused(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, error: str, code: str = "") -> None:
        super().__init__(error)
        self.status, self.code = status, code


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    hub: HubState

    def log_message(self, *_: Any) -> None:
        pass

    def answer(self) -> None:
        url = urlsplit(self.path)
        self.route, self.query = unquote(url.path), parse_qs(url.query)
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = f"{self.command} {self.route}"
        self.hub.requests.append(request)
        fault = self.hub.fault(request)
        if fault and fault.before:
            fault.before(self.hub)
        if fault and fault.stall:
            self.hub.closing.wait()
        if fault and (fault.reset or fault.stall):
            self.close_connection = True
            return
        if fault and fault.status:
            self.reply(fault.status, fault.body, fault.headers)
            return
        try:
            with self.hub.lock:
                status, body, headers = self.do(request)
        except Refused as refused:
            headers = {"X-Error-Code": refused.code, "X-Error-Message": str(refused)}
            status, body = refused.status, json.dumps({"error": str(refused)}).encode()
        if fault and fault.lost:
            self.close_connection = True
            return
        self.reply(status, body, headers)

    do_GET = do_HEAD = do_POST = do_PUT = answer

    def reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do(self, request: str) -> tuple[int, bytes, dict[str, str]]:
        for pattern, method in ROUTES:
            if match := re.fullmatch(pattern, request):
                answer = method(self, **match.groupdict())
                return answer if isinstance(answer, tuple) else (200, json.dumps(answer).encode(), {})
        raise Refused(404, f"no such route: {request}")

    # who may do what

    @property
    def user(self) -> str | None:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if scheme and token not in TOKENS:
            raise Refused(401, "Invalid credentials in Authorization header")
        return TOKENS.get(token)

    def repo(self, name: str, *, write: bool = False) -> Repo:
        owner, repo = name.split("/")[0], self.hub.repos.get(name)
        if write and self.user is None:
            raise Refused(401, "Invalid username or password.")
        if repo is None or (repo.private and self.user != owner):
            raise Refused(404 if self.user else 401, "Repository not found", "RepoNotFound")
        if write and self.user != owner:
            raise Refused(403, f"You don't have the rights to write to {name}")
        return repo

    def revision(self, name: str, revision: str) -> tuple[Repo, Commit]:
        repo = self.repo(name)
        commit = repo.find(revision)
        if commit is None:
            raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return repo, commit

    # what there is to do

    def whoami(self) -> Any:
        if self.user is None:
            raise Refused(401, "Invalid username or password.")
        return {"type": "user", "name": self.user, "auth": {"accessToken": {"role": "write"}}}

    def create_repo(self) -> Any:
        asked = json.loads(self.body)
        if self.user is None:
            raise Refused(401, "Invalid username or password.")
        name = f"{asked.get('organization') or self.user}/{asked['name']}"
        if name.split("/")[0] != self.user:
            raise Refused(403, f"You don't have the rights to create a dataset under the namespace {name}")
        if name in self.hub.repos:
            conflict = {"error": "You already created this dataset repo", "url": f"{self.hub.url}/datasets/{name}"}
            return 409, json.dumps(conflict).encode(), {}
        private = asked.get("visibility") == "private" or asked.get("private") is True
        self.hub.create(name, private=private)
        return {"url": f"{self.hub.url}/datasets/{name}", "id": name}

    def validate_yaml(self) -> Any:
        return {"errors": [], "warnings": []}

    def info(self, repo: str, rev: str = "main") -> Any:
        found, commit = self.revision(repo, rev)
        files = [{"rfilename": path} for path in sorted(commit.files)]
        return {
            "id": repo,
            "_id": "0",
            "sha": commit.oid,
            "private": found.private,
            "gated": False,
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "tags": [],
            "siblings": files,
        }

    def tree(self, repo: str, rev: str, path: str | None = None) -> Any:
        _, commit = self.revision(repo, rev)
        prefix = f"{path}/" if path else ""
        inside = {name: blob for name, blob in commit.files.items() if name.startswith(prefix)}
        if prefix and not inside:
            raise Refused(404, f"{path} does not exist", "EntryNotFound")
        folders = {prefix + name[len(prefix) :].split("/")[0] for name in inside if "/" in name[len(prefix) :]}
        if self.query.get("recursive", ["false"])[0].lower() in ("true", "1"):
            files = [blob.entry(name) for name, blob in sorted(inside.items())]
            return files
        files = [blob.entry(name) for name, blob in sorted(inside.items()) if "/" not in name[len(prefix) :]]
        return [{"type": "directory", "path": name, "oid": "0" * 40, "size": 0} for name in sorted(folders)] + files

    def paths_info(self, repo: str, rev: str) -> Any:
        _, commit = self.revision(repo, rev)
        asked = (
            parse_qs(self.body.decode())["paths"] if not self.body.startswith(b"{") else json.loads(self.body)["paths"]
        )
        entries = [commit.files[path].entry(path) for path in asked if path in commit.files]
        folders = [path for path in asked if any(name.startswith(f"{path}/") for name in commit.files)]
        return entries + [{"type": "directory", "path": path, "oid": "0" * 40, "size": 0} for path in folders]

    def refs(self, repo: str) -> Any:
        found = self.repo(repo)
        return {
            "branches": [{"name": "main", "ref": "refs/heads/main", "targetCommit": found.head.oid}],
            "converts": [],
            "tags": [{"name": tag, "ref": f"refs/tags/{tag}", "targetCommit": oid} for tag, oid in found.tags.items()],
        }

    def tag(self, repo: str, rev: str) -> Any:
        found = self.repo(repo, write=True)
        _, commit = self.revision(repo, rev)
        name = json.loads(self.body)["tag"]
        if name in found.tags:
            raise Refused(409, f"Tag {name} already exists")
        found.tags[name] = commit.oid
        return {}

    def preupload(self, repo: str, rev: str) -> Any:
        found, answers = self.repo(repo, write=True), []
        for file in json.loads(self.body)["files"]:
            path, blob = file["path"], found.head.files.get(file["path"])
            mode = "lfs" if path.endswith(".parquet") else "regular"
            oid = (blob.sha256 if blob.lfs else blob.oid) if blob else None
            answers.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        return {"files": answers}

    def lfs_batch(self, repo: str) -> Any:
        self.repo(repo, write=True)
        objects = []
        for wanted in json.loads(self.body)["objects"]:
            upload = {"href": f"{self.hub.url}/lfs/{wanted['oid']}", "header": {}}
            verify = {"href": f"{self.hub.url}/lfs/verify", "header": {}}
            actions = {} if wanted["oid"] in self.hub.stored else {"actions": {"upload": upload, "verify": verify}}
            objects.append({**wanted, **actions})
        return {"transfer": "basic", "objects": objects}

    def lfs_upload(self, oid: str) -> Any:
        if hashlib.sha256(self.body).hexdigest() != oid:
            raise Refused(400, "checksum mismatch")
        self.hub.stored[oid] = self.body
        return {}

    def lfs_verify(self) -> Any:
        wanted = json.loads(self.body)
        if len(self.hub.stored.get(wanted["oid"], b"")) != wanted["size"]:
            raise Refused(404, "object is missing")
        return {}

    def commit(self, repo: str, rev: str) -> Any:
        found = self.repo(repo, write=True)
        header, *operations = [json.loads(line) for line in self.body.splitlines()]
        if header["value"].get("parentCommit", found.head.oid) != found.head.oid:
            raise Refused(412, "A commit has happened since. Please refresh and try again.")
        files = dict(found.head.files)
        for operation in operations:
            self.apply(files, operation["key"], operation["value"])
        commit = found.add(header["value"]["summary"], files)
        url = f"{self.hub.url}/datasets/{repo}/commit/{commit.oid}"
        return {"success": True, "commitOid": commit.oid, "commitUrl": url, "hookOutput": ""}

    def apply(self, files: dict[str, Blob], kind: str, value: dict[str, Any]) -> None:
        path = value["path"]
        if kind == "file":
            files[path] = Blob(base64.b64decode(value["content"]), lfs=False)
        elif kind == "lfsFile":
            if value["oid"] not in self.hub.stored:
                raise Refused(400, f"LFS object of {path} was never uploaded")
            files[path] = Blob(self.hub.stored[value["oid"]], lfs=True)
        elif path not in files:
            raise Refused(404, "A file with this name doesn't exist", "EntryNotFound")
        else:
            del files[path]

    def resolve(self, repo: str, rev: str, path: str) -> Any:
        _, commit = self.revision(repo, rev)
        if path not in commit.files:
            raise Refused(404, "Entry not found", "EntryNotFound")
        blob = commit.files[path]
        headers = {"X-Repo-Commit": commit.oid, "ETag": f'"{blob.sha256 if blob.lfs else blob.oid}"'}
        headers |= {"Accept-Ranges": "bytes", "X-Linked-Size": str(len(blob.data)), "X-Linked-ETag": headers["ETag"]}
        if asked := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            first, last = int(asked[1]), int(asked[2] or len(blob.data) - 1)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(blob.data)}"
            return 206, blob.data[first : last + 1], headers
        return 200, blob.data, headers


ROUTES: list[tuple[str, Callable[..., Any]]] = [
    (r"GET /api/whoami-v2", Handler.whoami),
    (r"POST /api/repos/create", Handler.create_repo),
    (r"POST /api/validate-yaml", Handler.validate_yaml),
    (rf"GET /api{REPO}", Handler.info),
    (rf"GET /api{REPO}/revision/(?P<rev>.+)", Handler.info),
    (rf"GET /api{REPO}/refs", Handler.refs),
    (rf"GET /api{REPO}/tree/(?P<rev>[^/]+)(?:/(?P<path>.+))?", Handler.tree),
    (rf"POST /api{REPO}/paths-info/(?P<rev>[^/]+)", Handler.paths_info),
    (rf"POST /api{REPO}/preupload/(?P<rev>[^/]+)", Handler.preupload),
    (rf"POST /api{REPO}/commit/(?P<rev>[^/]+)", Handler.commit),
    (rf"POST /api{REPO}/tag/(?P<rev>[^/]+)", Handler.tag),
    (r"POST " + REPO + r"\.git/info/lfs/objects/batch", Handler.lfs_batch),
    (r"PUT /lfs/(?P<oid>[0-9a-f]{64})", Handler.lfs_upload),
    (r"POST /lfs/verify", Handler.lfs_verify),
    (rf"(?:GET|HEAD) {REPO}/resolve/(?P<rev>[^/]+)/(?P<path>.+)", Handler.resolve),
]


@contextmanager
def hub_server() -> Iterator[HubState]:
    """Run a Hub; its address is `url`."""
    state = HubState()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("BoundHandler", (Handler,), {"hub": state}))
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
