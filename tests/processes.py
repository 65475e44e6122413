"""Processes of a test's own that start in milliseconds and may be killed at any moment.

They are forked off one process for each test worker, which has loaded the package once.
"""

import multiprocessing
import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

__all__ = ["CONTEXT", "kill", "running"]

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["liangxin_nb.batches", "PIL.PngImagePlugin"])
ROOT = str(Path(__file__).parent.parent)


@contextmanager
def running(function, *arguments):
    """Run a function of a module in a process of its own, which is killed when the block ends.

    Yields the process and one end of a pipe. The function's first argument is the other end.
    """
    if ROOT not in sys.path:
        sys.path.append(ROOT)  # the process looks its function up by its module's name
    mine, other = CONTEXT.Pipe()
    process = CONTEXT.Process(target=function, args=(other, *arguments), daemon=True)
    process.start()
    other.close()
    try:
        yield process, mine
    finally:
        kill(process)
        mine.close()


def kill(process):
    """End a process at once, as a crash of the machine would: nothing of it runs any more."""
    if process.exitcode is None:
        os.kill(process.pid, signal.SIGKILL)
    process.join()
