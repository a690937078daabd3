"""Build the client of a batch spec."""

from pathlib import Path

from flows.llm.batch.api import BatchApi
from flows.llm.batch.client import OpenAIBatch
from flows.llm.endpoint import Endpoint, resolve
from flows.llm.memory import Memory
from flows.llm.policy import CallPolicy


def open_batch(
    url: str,
    model: str | None,
    policy: CallPolicy,
    api_key: str | None,
    memory: Memory | None,
    state: Path | None,
) -> OpenAIBatch:
    """Open the Batch API at an address, or files run by hand where there is none; raises UsageError."""
    endpoint = resolve(url, api_key) if url else Endpoint("batch files", {}, "")
    api = BatchApi(endpoint, timeout=policy.timeout, stall=policy.max_stall) if url else None
    return OpenAIBatch(endpoint, model or "", state=state, api=api, timeout=policy.timeout, memory=memory)
