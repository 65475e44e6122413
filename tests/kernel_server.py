"""`python -m tests.kernel_server`: imports what a notebook needs once, then forks kernels.

Each line of the standard input starts one kernel; its process id is printed. The server ends when
the input ends. Kernels notice the end of their server and end, too.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

from ipykernel import kernelapp

from liangxin_nb.session import session

from .conftest import FAST_PACE

#: What a kernel imports while it starts and runs its first cells.
IMPORTED = (
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.magics.extension",
    "IPython.extensions.storemagic",
    "PIL.JpegImagePlugin",
    "PIL.PngImagePlugin",
    "anyio._backends._asyncio",
    "httpcore",
    "ipykernel.debugger",
    "ipywidgets",
    "liangxin_nb.batches",
    "liangxin_nb.notebook.magics",
    "liangxin_nb.notebook.widgets.card_factory",
    "liangxin_nb.imaging",
    "sqlalchemy.dialects.sqlite",
    "tornado.platform.asyncio",
)


def main() -> None:
    """Fork a kernel for each input line; in the kernel, return when it has been shut down."""
    for name in IMPORTED:
        importlib.import_module(name)
    assert threading.active_count() == 1, "a process with threads must not fork"
    # The system reaps kernels that have ended.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    server = os.getpid()
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            become_kernel(server, **json.loads(line))
            return
        print(pid, flush=True)


def become_kernel(
    server: int,
    arguments: list[str],
    env: dict[str, str],
    folder: str,
    pace: tuple[float, float],
) -> None:
    """Run a kernel in this process until it is shut down.

    Args:
        server: The process id of the server; the kernel ends when it ends.
        arguments: The command-line arguments of the kernel.
        env: All its environment variables.
        folder: Its working folder.
        pace: Minimum and maximum seconds between two polls of a task.
    """
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    sys.path.pop(0)  # the checkout; the kernel itself adds its working folder
    minimum, maximum = pace
    session.PACE = replace(FAST_PACE, steps=((math.inf, minimum, maximum),))
    sys.argv = ["ipykernel_launcher", f"--IPKernelApp.parent_handle={server}", *arguments]
    kernelapp.launch_new_instance()


if __name__ == "__main__":
    main()
