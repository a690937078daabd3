"""Where the client's CPU goes, row by row: samples of the running generate stage, sorted by what the code is for.

Every millisecond of CPU a signal looks at the stack; the innermost frame that a rule names says what the time was for.
"""

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SECONDS = 0.001
RULES = (
    ("plan: draw by quota", "flows/recipes/quota.py", ""),
    ("plan: draw by quota", "flows/recipes/draw.py", ""),
    ("plan: write files", "flows/stages/plan.py", "write_round"),
    ("plan: read files", "flows/stages/plan.py", "read_plan"),
    ("plan: other", "flows/stages/plan.py", ""),
    ("plan: other", "flows/stages/generate.py", "plan_round"),
    ("unit's key", "flows/domain/units.py", "key"),
    ("render the prompt", "flows/prompting/prompt.py", "render"),
    ("write the body", "flows/llm/wire.py", "encode"),
    ("HTTP: send and receive", "aiohttp/", ""),
    ("HTTP: send and receive", "flows/llm/openai_http.py", "_send"),
    ("read the body", "flows/llm/wire.py", ""),
    ("find and check the reply", "flows/prompting/extract.py", ""),
    ("journal", "flows/store/journal.py", ""),
    ("build the row", "flows/recipes/rows.py", ""),
    ("seal: write files", "flows/store/shards.py", ""),
    ("seal: tally", "flows/stages/asking.py", "_write"),
    ("limits, retries, budget", "flows/llm/", ""),
    ("ask", "flows/prompting/ask.py", ""),
    ("ask", "flows/stages/asking.py", ""),
    ("Prefect", "prefect/", ""),
    ("event loop", "asyncio/", ""),
)


@contextmanager
def sampled() -> Iterator[Counter[str]]:
    """Count samples by what they were for until the block ends."""
    found: Counter[str] = Counter()

    def look(_: int, frame: FrameType | None) -> None:
        found[purpose(frame)] += 1

    before = signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, SECONDS, SECONDS)
    try:
        yield found
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def purpose(frame: FrameType | None) -> str:
    """Say what a stack is at, from its innermost frame that a rule names."""
    while frame is not None:
        code = frame.f_code
        for name, path, function in RULES:
            if path in code.co_filename and (not function or code.co_name == function):
                return name
        frame = frame.f_back
    return "other"


def microseconds(found: Counter[str], cpu_s: float, rows: int) -> dict[str, float]:
    """Share the CPU out among the purposes, in microseconds a row."""
    total = found.total() or 1
    names = dict.fromkeys(name for name, _, _ in RULES)
    return {name: 1e6 * cpu_s / rows * found[name] / total for name in [*names, "other"] if found[name]}
