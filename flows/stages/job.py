"""What is to be curated, and how."""

from dataclasses import dataclass

from flows.curation.policy import CurationPolicy
from flows.index.index import Index
from flows.stages.plan import read_rounds
from flows.store.layout import Layout
from flows.store.shards import so_far

STAGE = "curate"


@dataclass(frozen=True, slots=True)
class Job:
    """The curation of one folder's rows."""

    layout: Layout
    source: str
    """The stage whose rows are curated."""
    policy: CurationPolicy
    index: Index | None = None
    """What earlier runs hold, when the rows are to be compared with them."""

    @property
    def shards(self) -> list[int]:
        """Numbers of the shards that hold rows to curate, those of a stopped run that are not finished included."""
        shards = [shard for planned in read_rounds(self.layout, self.source) for shard in planned.numbers]
        return [shard for shard in shards if so_far(self.layout, self.source, shard)]
