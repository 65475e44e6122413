"""`python -m tests.kernel_server`: imports what a notebook needs once, then forks kernels.

Each line of the standard input orders one kernel; the answer is the kernel's process id. The
server ends with its input. A kernel whose server has ended notices it and ends, too.
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
    """Fork a kernel for each order; in the kernel, return when it has been shut down."""
    for name in IMPORTED:
        importlib.import_module(name)
    assert threading.active_count() == 1, "a process with threads must not fork"
    # Kernels that have ended leave nothing behind that has to be waited for.
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
        server: The process id of the server, whose end is the kernel's end.
        arguments: The command-line arguments of the kernel.
        env: All its environment variables.
        folder: Its working folder.
        pace: The least and the most seconds between two questions about a task.
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
    least, most = pace
    session.PACE = replace(FAST_PACE, steps=((math.inf, least, most),))
    sys.argv = ["ipykernel_launcher", f"--IPKernelApp.parent_handle={server}", *arguments]
    kernelapp.launch_new_instance()


if __name__ == "__main__":
    main()
