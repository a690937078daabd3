"""What batches of earlier processes said, kept as places in their files, for whoever asks again."""

from dataclasses import dataclass
from pathlib import Path

from flows.errors import LLMError, RejectedLLMError
from flows.llm.batch.folder import BatchFiles, Place, batches, read_at
from flows.llm.batch.lines import Line
from flows.llm.outcome import Failure, to_error


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one request."""

    line: Line
    served: bool
    """Whether others of its batch were answered at its step, so that the step is not to blame."""


class Past:
    """The ended batches of a folder; `running` are the others. Raises StoreError for a damaged file.

    Answers are told again, whatever the request looks like by now: they are paid for. So are refusals, in their order,
    which leads a request to the body it had last. What may pass is not, another request is worth more, except in
    `by_hand` batches: there nobody else counts the tries.
    """

    def __init__(self, folder: Path, *, by_hand: bool, secret: str = "") -> None:
        self.running: list[BatchFiles] = []
        self.step: int | None = None
        """Highest step of the ladder that was answered."""
        self._by_hand = by_hand
        self._secret = secret
        self._answers: dict[str, Place] = {}
        self._failures: dict[str, list[tuple[Place, bool]]] = {}
        for files in batches(folder):
            if files.ended:
                self._read(files)
            else:
                self.running.append(files)

    def keep(self, reply: Reply, place: Place) -> None:
        """Remember what came back for a request that nobody waits for yet."""
        line = reply.line
        if line.failure is None:
            self._answers[line.key] = place
        elif self._holds(line.failure):
            self._failures.setdefault(line.key, []).append((place, reply.served))

    def tell(self, key: str, step: int, body: bytes) -> Reply | None:
        """Give what is remembered for a request, each thing once."""
        if place := self._answers.pop(key, None):
            return Reply(read_at(place, self._secret), served=True)
        while failures := self._failures.get(key):
            place, served = failures.pop(0)
            line = read_at(place, self._secret)
            refused = line.failure.unsupported if line.failure else None
            if line.step == step and not (refused and b'"%b":' % refused.encode() not in body):
                return Reply(line, served)
        return None

    def _read(self, files: BatchFiles) -> None:
        failures: list[tuple[str, int, Place]] = []
        steps: set[int] = set()
        for line, place in files.results(self._secret):
            if line.failure is None:
                self._answers[line.key] = place
                steps.add(line.step)
            elif self._holds(line.failure):
                failures.append((line.key, line.step, place))
        for key, step, place in failures:
            self._failures.setdefault(key, []).append((place, step in steps))
        if steps:
            self.step = min(steps) if self.step is None else min(*steps, self.step)

    def _holds(self, failure: Failure) -> bool:
        error = to_error(failure, where="", key_sent=True)
        return isinstance(error, RejectedLLMError) or (self._by_hand and isinstance(error, LLMError))
