"""Slots in memory, and in a file that all processes of this machine share under a lock."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from ..config.private_files import create_folder, private_opener
from .slots import RateLimit, next_slot

_T = TypeVar("_T")
__all__ = ["FileSlotStore", "MemorySlotStore"]

_LOCK_TIMEOUT_S = 2.0  # seconds to wait for another process that holds the lock
_LOCK_POLL_S = 0.004  # the lock is held for about a millisecond
_MAX_AHEAD_S = 600.0  # a slot later than this is from before the machine's clock was restarted


class MemorySlotStore:
    """Slots of this process alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Create an empty store.

        Args:
            clock: Returns monotonic seconds, the same for all processes of this machine.
        """
        self._clock = clock
        self._slots_by_call: dict[str, Any] = {}

    def reserve(self, call: str, limit: RateLimit, caller: str) -> float:
        """Reserve the next free slot; see `SlotStore`."""
        now = self._clock()
        slots = self._load_slots(call, now)
        reserved: dict[str, float] = slots["reserved"]
        own_time = reserved.pop(caller, _MAX_AHEAD_S + now)
        start = now - limit.period_s
        slots["reserved"] = reserved = {name: at for name, at in reserved.items() if at > start}
        earlier = sorted(at for at in reserved.values() if at <= own_time)
        reserved[caller] = next_slot(earlier, now, limit, slots["blocked_until"])
        return reserved[caller] - now

    def confirm(self, call: str, caller: str) -> None:
        """Count a call from now on; see `SlotStore`."""
        now = self._clock()
        reserved = self._load_slots(call, now)["reserved"]
        if caller in reserved:
            reserved[caller] = now

    def block(self, call: str, seconds: float) -> None:
        """Grant no slots for some seconds; see `SlotStore`."""
        now = self._clock()
        slots = self._load_slots(call, now)
        slots["blocked_until"] = max(slots["blocked_until"], now + seconds)

    def _load_slots(self, call: str, now: float) -> dict[str, Any]:
        """Return the slots of a kind of request, without those from before a restart."""
        slots = self._slots_by_call.get(call, {})
        latest = now + _MAX_AHEAD_S
        reserved = {name: at for name, at in slots.get("reserved", {}).items() if at < latest}
        blocked_until = slots.get("blocked_until", 0.0)
        slots = {
            "reserved": reserved,
            "blocked_until": blocked_until if blocked_until < latest else 0.0,
        }
        self._slots_by_call[call] = slots
        return slots


class FileSlotStore(MemorySlotStore):
    """Slots in a file that every process of this machine opens under the same name."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Create the folder of the file, with mode 0700.

        Args:
            path: The file.
            clock: Returns monotonic seconds, the same for all processes of this machine.

        Raises:
            OSError: If the folder cannot be used, or belongs to another user.
        """
        super().__init__(clock)
        create_folder(path.parent)
        if hasattr(os, "getuid") and path.parent.stat().st_uid != os.getuid():
            raise PermissionError(f"{path.parent} belongs to another user")
        self._path = path
        self._lock = FileLock(
            path.with_suffix(".lock"), timeout=_LOCK_TIMEOUT_S, thread_local=False
        )

    def reserve(self, call: str, limit: RateLimit, caller: str) -> float:
        """Reserve the next free slot; see `SlotStore`."""
        return self._update(lambda: super(FileSlotStore, self).reserve(call, limit, caller))

    def confirm(self, call: str, caller: str) -> None:
        """Count a call from now on; see `SlotStore`."""
        self._update(lambda: super(FileSlotStore, self).confirm(call, caller))

    def block(self, call: str, seconds: float) -> None:
        """Grant no slots for some seconds; see `SlotStore`."""
        self._update(lambda: super(FileSlotStore, self).block(call, seconds))

    def _update(self, change: Callable[[], _T]) -> _T:
        try:
            with self._lock.acquire(poll_interval=_LOCK_POLL_S):
                self._slots_by_call = self._read()
                value = change()
                with open(self._path, "w", encoding="utf-8", opener=private_opener) as file:
                    json.dump(self._slots_by_call, file)
                return value
        except Timeout:
            raise OSError(f"{self._path} is locked by another process") from None

    def _read(self) -> dict[str, Any]:
        """Read the file; a file that a crash has truncated counts as empty."""
        try:
            slots_by_call = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return slots_by_call if isinstance(slots_by_call, dict) else {}
