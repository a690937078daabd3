"""Settle Prefect's environment before it is imported: quiet, private, quick to start."""

import os
import warnings

DEFAULTS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
    # the embedded server misses Prefect's 20 seconds on a busy machine
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    # task runs are shards: their parameters are numbers, and nothing is to be persisted
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
}


def prepare_prefect(level: str = "CRITICAL") -> None:
    """Set what the user has not set; call before `import prefect`.

    Prefect logs a failed flow with its traceback, once for every flow around it: on the command line, where the error
    is told in one line, nothing below `level` is shown.
    """
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", level)
    # the root logger hears other packages too, which have nothing to say below a warning
    os.environ.setdefault("PREFECT_LOGGING_ROOT_LEVEL", "WARNING" if level == "INFO" else level)
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    if "PREFECT_API_URL" not in os.environ:
        # nobody looks at the embedded server's copy of the log, and each line of it is a request
        os.environ.setdefault("PREFECT_LOGGING_TO_API_ENABLED", "false")
    warnings.filterwarnings("ignore", module="prefect")
