"""Near-copies of texts, found exactly and in time that grows with the rows, not with their pairs."""

from flows.curation.near.found import Found
from flows.curation.near.pairs import near_pairs
from flows.curation.near.policy import NearPolicy
from flows.curation.near.twins import Twin, near_twins

__all__ = ["Found", "NearPolicy", "Twin", "near_pairs", "near_twins"]
