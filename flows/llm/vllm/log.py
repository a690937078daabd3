"""What vLLM says, kept in a file of its own, and the part of it that tells why it ended."""

import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

from flows.llm.outcome import one_line

TAIL_BYTES = 64 * 1024
TAIL_LINES = 3

_PREFIX = re.compile(r"^(\([\w ]+ pid=\d+\) *)?((DEBUG|INFO|WARNING|ERROR|CRITICAL) [\d-]+ [\d:]+ \[[^]]*\] ?)?")
"""What vLLM puts before a line: process, level, time and place."""
_CAUSE = re.compile(r"^([\w.]*(Error|Exception)\b: |[\w./ -]*: error: )")
_EFFECT = re.compile(r"root cause|Engine core initialization failed|EngineDeadError")


def new_log() -> Path:
    """Make the file that the engines of one run write to."""
    handle, path = tempfile.mkstemp(prefix="triplesmith-vllm-", suffix=".log")
    os.close(handle)
    return Path(path)


def last_words(log: Path, *, since: int = 0, secret: str = "") -> str:
    """Say in one line what went wrong, from the log's end after `since` bytes, and where the whole log is."""
    try:
        with log.open("rb") as file:
            file.seek(max(since, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError as error:
        return f"its log {log} cannot be read ({error.strerror})"
    return f"{one_line(' | '.join(telling(lines)), secret=secret, width=600)} (log: {log})"


def telling(lines: Iterable[str]) -> list[str]:
    """Pick the lines that say why an engine ended: the first error of its last words, else the last lines.

    vLLM's processes report each other's end, so that the first error is the cause and later ones are its effects.
    """
    bare = [line for line in (_PREFIX.sub("", line).strip() for line in lines) if line]
    causes = [line for line in bare if _CAUSE.match(line) and not _EFFECT.search(line)]
    return causes[:1] or bare[-TAIL_LINES:] or ["it said nothing"]
