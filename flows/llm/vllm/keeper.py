"""Run a command and end it with all its children as soon as the program that wanted it is gone.

    python keeper.py COMMAND …

A model server that outlives its run holds the GPU. Standard input is a pipe from the run: it ends when the run closes
it, and when the run is killed in whatever way. The command gets a process group of its own, which is asked to end, then
killed. Uses the standard library alone and is run by path, so that it starts in milliseconds.

    python keeper.py

kills the processes whose numbers come in on standard input, should the run go without having ended them.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

GRACE = 15.0
"""Seconds that the command's processes have to end by themselves."""


def main(command: Sequence[str]) -> int:
    """Keep the command; returns its exit code, 128 + N when signal N ended it."""
    parent = os.getppid()
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)  # heard through the pipe
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    kept = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)
    try:
        while kept.poll() is None and os.getppid() == parent:
            ready, _, _ = select.select([0, woken], [], [], 1.0)
            if 0 in ready or (woken in ready and set(os.read(woken, 64)) - {signal.SIGCHLD}):
                break
    finally:
        _end(kept)
    return kept.returncode if kept.returncode >= 0 else 128 - kept.returncode


def _end(kept: "subprocess.Popen[bytes]") -> None:
    """End the command's whole process group."""
    if _send(kept, signal.SIGTERM):
        deadline = time.monotonic() + GRACE
        while _send(kept, 0) and time.monotonic() < deadline:
            time.sleep(0.05)
        _send(kept, signal.SIGKILL)
    kept.wait()


def _send(kept: "subprocess.Popen[bytes]", number: int) -> bool:
    """Signal whoever is left of the group; False when nobody is."""
    kept.poll()  # or the dead one would count
    try:
        os.killpg(kept.pid, number)
    except (ProcessLookupError, PermissionError):  # macOS says the latter of a group of dead processes
        return False
    return True


def guard() -> int:
    """Read the numbers of processes until standard input ends, then kill those that are left."""
    handles = []
    for line in sys.stdin:
        try:
            handles.append(os.pidfd_open(int(line)))  # stays this process's, whoever gets its number later
        except ProcessLookupError:
            continue
    for handle in handles:
        try:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) if sys.argv[1:] else guard())
