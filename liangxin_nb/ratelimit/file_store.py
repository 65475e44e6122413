"""The appointments of this machine: a file for each service and key, under a lock."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from .slots import RateLimit, next_slot

_T = TypeVar("_T")
__all__ = ["FileSlotStore", "MemorySlotStore", "default_folder"]

_BUSY = 2.0  # seconds to wait for another process that holds the file
_LOOK = 0.004  # seconds between two looks at a lock that is held, for a millisecond or so
_FUTURE = 600.0  # an appointment later than this is from before the machine was started anew


class MemorySlotStore:
    """Appointments of this process alone; `clock`: seconds that only go up, for all processes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._slots_by_call: dict[str, Any] = {}

    def reserve(self, call: str, limit: RateLimit, caller: str) -> float:
        """The seconds until the next moment that is free for a call of `caller`, then taken."""
        now = self._clock()
        page = self._slots(call, now)
        taken: dict[str, float] = page["taken"]
        mine = taken.pop(caller, _FUTURE + now)
        last = now - limit.period_s
        page["taken"] = taken = {name: moment for name, moment in taken.items() if moment > last}
        before = sorted(moment for moment in taken.values() if moment <= mine)
        taken[caller] = next_slot(before, now, limit, page["closed"])
        return taken[caller] - now

    def confirm(self, call: str, caller: str) -> None:
        """The call of `caller` was answered: it counts from now."""
        now = self._clock()
        page = self._slots(call, now)
        if caller in page["taken"]:
            page["taken"][caller] = now

    def block(self, call: str, seconds: float) -> None:
        """Gives no appointments for so long."""
        now = self._clock()
        page = self._slots(call, now)
        page["closed"] = max(page["closed"], now + seconds)

    def _slots(self, call: str, now: float) -> dict[str, Any]:
        page = self._slots_by_call.get(call, {})
        taken = {w: moment for w, moment in page.get("taken", {}).items() if moment < now + _FUTURE}
        closed = page.get("closed", 0.0)
        page = {"taken": taken, "closed": closed if closed < now + _FUTURE else 0.0}
        self._slots_by_call[call] = page
        return page


class FileSlotStore(MemorySlotStore):
    """Appointments in a file that every process of this machine opens by the same name."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if hasattr(os, "getuid") and path.parent.stat().st_uid != os.getuid():
            raise PermissionError(f"{path.parent} is somebody else's")
        self._path = path
        self._lock = FileLock(path.with_suffix(".lock"), timeout=_BUSY, thread_local=False)

    def reserve(self, call: str, limit: RateLimit, caller: str) -> float:
        """The seconds until the next moment that is free for a call of `caller`, then taken."""
        return self._update(lambda: super(FileSlotStore, self).reserve(call, limit, caller))

    def confirm(self, call: str, caller: str) -> None:
        """The call of `caller` was answered: it counts from now."""
        self._update(lambda: super(FileSlotStore, self).confirm(call, caller))

    def block(self, call: str, seconds: float) -> None:
        """Gives no appointments to anybody for so long."""
        self._update(lambda: super(FileSlotStore, self).block(call, seconds))

    def _update(self, change: Callable[[], _T]) -> _T:
        try:
            with self._lock.acquire(poll_interval=_LOOK):
                self._slots_by_call = self._read()
                value = change()
                self._path.write_text(json.dumps(self._slots_by_call), encoding="utf-8")
                return value
        except Timeout:
            raise OSError(f"{self._path} is held by another process") from None

    def _read(self) -> dict[str, Any]:
        """What stands there; a file cut off by a crash counts as empty."""
        try:
            pages = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return pages if isinstance(pages, dict) else {}


def default_folder() -> Path:
    """Where the files lie if no one says otherwise: on a local disk, for this user alone.

    A home folder may lie on a network's disk, where locks cannot be trusted.
    """
    if sys.platform == "linux" and not os.environ.get("XDG_RUNTIME_DIR"):
        return Path(tempfile.gettempdir()) / f"liangxin_nb-{os.getuid()}"
    from platformdirs import user_runtime_path

    return user_runtime_path("liangxin_nb", appauthor=False)
