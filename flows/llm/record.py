"""Write down what a model answers, for `--llm replay:PATH` to answer from."""

import fcntl
import os
from pathlib import Path

import orjson

from flows.errors import StoreError
from flows.llm.replay import address, read_recording, to_line
from flows.llm.traffic import Traffic, traffic_of
from flows.llm.types import LLM, ChatRequest, Completion


class Recorder:
    """A model that passes its inner model's replies on and appends each new address's first one to a file.

    Several recorders, in any processes, may share the file: a line is one write under the file's lock. An unfinished
    last line is cut off on opening. Raises StoreError for a file that cannot be opened, read or written.
    """

    def __init__(self, inner: LLM, path: Path) -> None:
        self.inner = inner
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            with _Locked(self._file):
                _cut_torn_line(self._file)
        except OSError as error:
            raise StoreError(f"cannot record to {path}: {error.strerror}.") from None
        self._known = {key for key, _ in read_recording(path)}

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.inner.model

    @property
    def traffic(self) -> Traffic:
        """Counters of the inner model."""
        return traffic_of(self.inner)

    async def complete(self, request: ChatRequest) -> Completion:
        """Answer through the inner model and record the reply."""
        completion = await self.inner.complete(request)
        key = address(request)
        if key not in self._known:
            self._append(to_line(request, completion))
            self._known.add(key)
        return completion

    async def aclose(self) -> None:
        """Close the file and the inner model."""
        os.close(self._file)
        await self.inner.aclose()

    def _append(self, line: bytes) -> None:
        with _Locked(self._file):
            end = os.fstat(self._file).st_size
            try:
                written = os.write(self._file, line)
            except OSError as error:
                os.ftruncate(self._file, end)
                raise StoreError(f"cannot record to {self._path}: {error.strerror}.") from None
            if written < len(line):
                os.ftruncate(self._file, end)
                raise StoreError(f"cannot record to {self._path}: the disk is full.")


class _Locked:
    """Hold a file's advisory lock."""

    def __init__(self, file: int) -> None:
        self._file = file

    def __enter__(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)


def _cut_torn_line(file: int) -> None:
    """End the last line if it is whole, cut it off if it is not."""
    start = os.fstat(file).st_size
    tail = b""
    while start > 0 and b"\n" not in tail:
        step = min(start, 1 << 16)
        start -= step
        tail = os.pread(file, step, start) + tail
    end = tail.rfind(b"\n") + 1
    if end == len(tail):
        return
    try:
        orjson.loads(tail[end:])
    except orjson.JSONDecodeError:
        os.ftruncate(file, start + end)
    else:
        os.write(file, b"\n")
