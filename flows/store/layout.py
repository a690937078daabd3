"""Every path of a run folder, named once."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one run."""

    root: Path

    @property
    def recipe(self) -> Path:
        """The effective recipe, defaults filled in."""
        return self.root / "run.toml"

    @property
    def manifest(self) -> Path:
        """What made the run."""
        return self.root / "manifest.json"

    @property
    def ledger(self) -> Path:
        """The account of every stage."""
        return self.root / "ledger.json"

    @property
    def report(self) -> Path:
        """The page a person looks at."""
        return self.root / "report.html"

    @property
    def lock(self) -> Path:
        """Held by the one process that works on the run."""
        return self.root / ".lock"

    @property
    def publish(self) -> Path:
        """The finished data set."""
        return self.root / "publish"

    @property
    def endpoints(self) -> Path:
        """What was learnt about endpoints; a cache."""
        return self.root / "calls" / "endpoints.json"

    @property
    def append(self) -> Path:
        """The rows that a growing data set lacked when it was last published to."""
        return self.root / "append"

    @property
    def export(self) -> Path:
        """A folder for each format that was exported."""
        return self.root / "export"

    @property
    def verdicts(self) -> Path:
        """Journal of what a person decided on rows."""
        return self.root / "review" / "verdicts.jsonl"

    @property
    def batches(self) -> Path:
        """Files of the Batch API: what was asked, under which id, and what came back."""
        return self.root / "calls" / "batches"

    @property
    def shared(self) -> Path:
        """What the processes of one round have paid, while they are at it."""
        return self.root / ".shared"

    def stage(self, stage: str) -> Path:
        """Folder of a stage's shards."""
        return self.root / stage

    def round(self, stage: str, number: int) -> Path:
        """Which shards are asked together; written after their plans."""
        return self.root / stage / f"round-{number:05}.json"

    def plan(self, stage: str, shard: int) -> Path:
        """The units of one shard."""
        return self.root / stage / f"plan-{shard:05}.jsonl"

    def calls(self, stage: str, shard: int) -> Path:
        """Journal of the raw replies of one shard."""
        return self.root / "calls" / stage / f"shard-{shard:05}.jsonl"

    def rows(self, stage: str, shard: int) -> Path:
        """What one shard gave out."""
        return self.root / stage / f"shard-{shard:05}.jsonl"

    def dropped(self, stage: str, shard: int) -> Path:
        """What one shard dropped, with reasons."""
        return self.root / stage / f"dropped-{shard:05}.jsonl"

    def scores(self, stage: str, shard: int) -> Path:
        """What was measured on the rows of one shard."""
        return self.root / stage / f"scores-{shard:05}.jsonl"

    def leaks(self, stage: str, shard: int) -> Path:
        """What the rows of one shard share with benchmarks."""
        return self.root / stage / f"leaks-{shard:05}.jsonl"

    def benchmarks(self, stage: str) -> Path:
        """Folder of the benchmarks' hashes."""
        return self.root / stage / "benchmarks"

    def tally(self, stage: str, shard: int) -> Path:
        """Counts of one shard; written last, so that it seals the shard."""
        return self.root / stage / f"tally-{shard:05}.json"

    def partial(self, stage: str, shard: int) -> Path:
        """Counts of a shard that was left unfinished when its run stopped."""
        return self.root / stage / f"partial-{shard:05}.json"
