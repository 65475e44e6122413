"""Which process looks after a job record, and whether it still lives.

Each session holds a lock of its own for as long as it lives; the system lets go of it when the
process dies, however it dies. So a job record of a dead session can be taken up at once, and a task
that another kernel follows is not asked about twice.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from filelock import FileLock, Timeout

__all__ = ["Lease", "is_alive"]


class Lease:
    """One session as an owner of job records; alive until `release()` or the end of the process."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.id = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._lock = FileLock(folder / f"{self.id}.lock", thread_local=False)
        self._lock.acquire(timeout=0)

    def release(self) -> None:
        """Gives up everything it owns."""
        self._lock.release()
        Path(self._lock.lock_file).unlink(missing_ok=True)


def is_alive(folder: Path, id: str) -> bool:
    """Whether the owner of that id lives on this machine; locks of dead ones are cleared away."""
    path = folder / f"{Path(id).name}.lock"
    if not id or not path.exists():
        return False
    probe = FileLock(path, thread_local=False)
    try:
        probe.acquire(timeout=0)
    except Timeout:
        return True
    probe.release()
    path.unlink(missing_ok=True)
    return False
