"""Set the faults of a running sandbox."""

from contextlib import contextmanager


def set_faults(sandbox, *faults):
    """Replace the current faults by these.

    Args:
        sandbox: The running sandbox, a `SandboxProcess`.
        faults: Names of faults; see `python -m liangxin_nb.sandbox --help`.
    """
    sandbox.set_faults(*faults)


@contextmanager
def faults_in_force(sandbox, *faults):
    """Set faults during the `with` block, and remove all faults after it."""
    set_faults(sandbox, *faults)
    try:
        yield
    finally:
        set_faults(sandbox)
