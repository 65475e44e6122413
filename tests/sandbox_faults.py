"""Changes what goes wrong in a sandbox while it runs."""

import json
import urllib.request
from contextlib import contextmanager


def set_faults(served, *faults):
    """Let these faults be in force from now on, in place of those before.

    Args:
        served: The running sandbox, a `SandboxProcess`.
        faults: Their names, as `python -m liangxin_nb.sandbox --help` lists them.
    """
    request = urllib.request.Request(
        f"{served.url}/sandbox/faults",
        json.dumps({"faults": faults}).encode(),
        headers={"Content-Type": "application/json"},
        method="PUT",
    )
    urllib.request.urlopen(request).close()


@contextmanager
def faults_in_force(served, *faults):
    """Let faults be in force inside the block, and none after it."""
    set_faults(served, *faults)
    try:
        yield
    finally:
        set_faults(served)
