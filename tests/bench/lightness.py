"""Benchmark of importing the package and loading the extension, compared with its dependencies."""

import statistics
import subprocess
import sys

_CODE = """
import contextlib, io, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
def ours():
    import liangxin_nb
    with contextlib.redirect_stdout(io.StringIO()):
        shell.run_line_magic("load_ext", "liangxin_nb")
def plain():
    import ipywidgets, httpx, PIL.Image
def cost(work):
    start = time.process_time()
    work()
    return 1000 * (time.process_time() - start)
print({order})
"""
_ORDERS = ("cost(ours), cost(plain)", "*reversed((cost(plain), cost(ours)))")


def import_and_load():
    """CPU milliseconds, as the median of seven new processes for each order of both."""
    pairs = [_run(order) for _ in range(7) for order in _ORDERS]
    return tuple(statistics.median(column) for column in zip(*pairs, strict=True))


def _run(order):
    code = _CODE.replace("{order}", order)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return tuple(map(float, done.stdout.split()))


FIGURES = [
    ("import + %load_ext / import ipywidgets, httpx, PIL.Image", "ms", import_and_load),
]
