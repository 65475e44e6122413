"""Set the faults of a running sandbox."""

import json
import urllib.request
from contextlib import contextmanager


def set_faults(sandbox, *faults):
    """Replace the current faults by these.

    Args:
        sandbox: The running sandbox, a `SandboxProcess`.
        faults: Names of faults; see `python -m liangxin_nb.sandbox --help`.
    """
    request = urllib.request.Request(
        f"{sandbox.url}/sandbox/faults",
        json.dumps({"faults": faults}).encode(),
        headers={"Content-Type": "application/json"},
        method="PUT",
    )
    urllib.request.urlopen(request).close()


@contextmanager
def faults_in_force(sandbox, *faults):
    """Set faults during the `with` block, and remove all faults after it."""
    set_faults(sandbox, *faults)
    try:
        yield
    finally:
        set_faults(sandbox)
