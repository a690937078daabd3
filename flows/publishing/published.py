"""Read back what a repository holds already, for a set that grows."""

import os
from pathlib import PurePosixPath

from flows.publishing.hub_errors import expected, explain
from flows.publishing.splits import fold


def published_splits(repo_id: str, *, token: str | None = None, endpoint: str | None = None) -> dict[str, str]:
    """Give the split of every task of a repository's `full` config, by folded task, for `assign_splits`.

    Only the two columns are fetched; a repository that does not exist has no tasks. Raises PublishError.
    """
    import pyarrow.parquet as pq
    from huggingface_hub import HfFileSystem, constants

    endpoint = endpoint or os.environ.get("HF_ENDPOINT") or constants.ENDPOINT
    splits: dict[str, str] = {}
    try:
        files = HfFileSystem(endpoint=endpoint, token=token, skip_instance_cache=True)
        for path in sorted(files.glob(str(PurePosixPath("datasets", repo_id, "data/full/*.parquet")))):
            with files.open(path) as file:
                for batch in pq.ParquetFile(file).iter_batches(columns=["task", "split"]):
                    tasks, names = (column.to_pylist() for column in batch.columns)
                    splits.update(zip(map(fold, tasks), names, strict=True))
    except FileNotFoundError:
        return {}
    except expected() as error:
        raise explain(error, repo_id, endpoint, token) from None
    return splits
