"""The files of batches in a folder: all that is known of them is there, so that a kill at any moment is survived.

00000-3f9a1c.input.jsonl    requests, as `/v1/batches` and `vllm run-batch` take them; whole or not there
00000-3f9a1c.batch.json     the batch as the API last told of it; before that, the id of the uploaded file
00000-3f9a1c.errors.jsonl   requests that failed, where they come apart from the answers
00000-3f9a1c.output.jsonl   answers; written last, so that it ends the batch, whoever put it there
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any, NamedTuple

from flows.errors import StoreError
from flows.llm.batch.lines import Line, key_of, read_line
from flows.store.atomic import replace_file
from flows.store.jsonio import loads, write_json

_INPUT = re.compile(r"((\d{5,})-[0-9a-f]+)\.input\.jsonl")


class Place(NamedTuple):
    """Where a line stands; a run remembers one for every answer that nobody asked for yet."""

    path: Path
    offset: int


@dataclass(frozen=True, slots=True)
class BatchFiles:
    """The files of one batch."""

    folder: Path
    name: str
    """Number and a random part, unique among all batches of a key: an orphan is found again by it."""

    @property
    def input(self) -> Path:
        """The requests."""
        return self.folder / f"{self.name}.input.jsonl"

    @property
    def output(self) -> Path:
        """The answers."""
        return self.folder / f"{self.name}.output.jsonl"

    @property
    def errors(self) -> Path:
        """The failures."""
        return self.folder / f"{self.name}.errors.jsonl"

    @property
    def ticket(self) -> Path:
        """What the API said of it."""
        return self.folder / f"{self.name}.batch.json"

    @property
    def ended(self) -> bool:
        """Whether its answers are here."""
        return self.output.exists()

    def keys(self) -> list[str]:
        """Addresses of its requests; raises StoreError naming a damaged line."""
        with self.input.open("rb") as file:
            keys = []
            for number, line in enumerate(file, start=1):
                try:
                    keys.append(key_of(line))
                except ValueError:
                    raise StoreError(f"{self.input}: line {number} is damaged: {line!r:.60}") from None
        return keys

    def known(self) -> dict[str, Any]:
        """Give what is written of the batch, nothing where that is damaged: the API knows it better."""
        try:
            known = loads(self.ticket.read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def note(self, known: dict[str, Any]) -> None:
        """Write down what is known of the batch."""
        write_json(self.ticket, known)

    def end_empty(self) -> None:
        """End a batch that gave no answer."""
        with replace_file(self.output):
            pass

    def results(self, secret: str = "") -> Iterator[tuple[Line, Place]]:
        """Yield what came back, failures first, and where it stands; raises StoreError naming a damaged line.

        A last line without its end is passed over: whoever wrote the file was stopped.
        """
        for path in (self.errors, self.output):
            if not path.exists():
                continue
            offset = 0
            with path.open("rb") as file:
                for number, raw in enumerate(file, start=1):
                    try:
                        line = read_line(raw, secret=secret) if raw.strip() else None
                    except ValueError:
                        if not raw.endswith(b"\n"):
                            break
                        raise StoreError(
                            f"{path}: line {number} is no batch's output: {raw!r:.60}; put the right file there"
                        ) from None
                    if line is not None:
                        yield line, Place(path, offset)
                    offset += len(raw)


def batches(folder: Path) -> list[BatchFiles]:
    """Give the batches of a folder in the order in which they were written."""
    found = [match for path in folder.glob("*.input.jsonl") if (match := _INPUT.fullmatch(path.name))]
    return [BatchFiles(folder, match[1]) for match in sorted(found, key=lambda match: (int(match[2]), match[1]))]


def write_batch(folder: Path, lines: Iterable[bytes]) -> BatchFiles:
    """Write the requests of another batch; raises StoreError."""
    earlier = batches(folder)
    number = int(earlier[-1].name.partition("-")[0]) + 1 if earlier else 0
    files = BatchFiles(folder, f"{number:05}-{token_hex(4)}")
    with replace_file(files.input) as file:
        file.writelines(lines)
    return files


def read_at(place: Place, secret: str = "") -> Line:
    """Read one line of a file of results again."""
    with place.path.open("rb") as file:
        file.seek(place.offset)
        line = read_line(file.readline(), secret=secret)
    assert line is not None, "only what was read before is remembered"
    return line
