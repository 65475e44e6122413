"""Processes that start in milliseconds and can be killed at any time.

They are forked from one process for each test worker, which has imported the package once.
"""

import multiprocessing
import os
import signal
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["CONTEXT", "is_ending", "kill", "running"]

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["liangxin_nb.batches", "PIL.PngImagePlugin"])
ROOT = str(Path(__file__).parent.parent)


@contextmanager
def running(function, *arguments):
    """Run a function of a module in a new process, which is killed at the end of the block.

    Yields the process and one end of a pipe. The function's first argument is the other end.
    """
    if ROOT not in sys.path:
        sys.path.append(ROOT)  # the process imports the function from its module
    own_end, other_end = CONTEXT.Pipe()
    process = CONTEXT.Process(target=function, args=(other_end, *arguments), daemon=True)
    process.start()
    other_end.close()
    try:
        yield process, own_end
    finally:
        kill(process)
        own_end.close()


def kill(process):
    """End a process at once, as a crash of the machine would."""
    if process.exitcode is None:
        with suppress(ProcessLookupError):  # it has just ended
            os.kill(process.pid, signal.SIGKILL)
    process.join()


def is_ending(pid):
    """Return whether a process ignores SIGTERM, as one that ends does, or has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    values = dict(line.split(":\t", 1) for line in status.splitlines())
    return values["State"][0] == "Z" or bool(int(values["SigIgn"], 16) >> signal.SIGTERM - 1 & 1)
