"""What the sandbox and whoever starts it agree on: its key, and who keeps it alive."""

from __future__ import annotations

import os
from pathlib import Path

from filelock import FileLock, Timeout

__all__ = ["ADDRESS", "gate", "in_use", "key", "lease"]

#: The file in the state folder that tells other kernels where the sandbox listens.
ADDRESS = "address.json"
_LEASES = "leases"


def key() -> str:
    """The Bearer key that the sandbox takes: no secret, unless the environment sets one."""
    return os.environ.get("LIANGXIN_SANDBOX_KEY") or "sandbox"


def gate(state: Path) -> FileLock:
    """The lock under which a sandbox is found, started or ended: never two at once."""
    state.mkdir(parents=True, exist_ok=True)
    return FileLock(state / "gate.lock", thread_local=False)


def lease(state: Path, name: str) -> FileLock:
    """A lock held by each user of the sandbox; the system lets go of it when its process dies."""
    folder = state / _LEASES
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f"{name}.lock", thread_local=False)


def in_use(state: Path) -> bool:
    """Whether any process holds a lease; leases of dead processes are cleared away."""
    alive = False
    for path in sorted((state / _LEASES).glob("*.lock")):
        probe = FileLock(path, thread_local=False)
        try:
            probe.acquire(timeout=0)
        except Timeout:
            alive = True
            continue
        probe.release()
        path.unlink(missing_ok=True)
    return alive
