"""The accepted tasks of a sandbox, one JSON line each on disk."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .task_timeline import TaskFault

__all__ = ["Task", "TaskLog", "hash_key"]


@dataclass(frozen=True)
class Task:
    """An accepted task.

    Attributes:
        id: Task id.
        owner: Digest of the key that created it.
        created_ms: Unix time in milliseconds.
        total_ms: Time until it ends, in milliseconds.
        param: The request body.
        faults: Name and argument of the faults that were fixed at its creation.
    """

    id: str
    owner: str
    created_ms: int
    total_ms: int
    param: dict[str, Any]
    faults: Sequence[TaskFault] = ()

    @property
    def input(self) -> dict[str, Any]:
        """The ``input`` of the request."""
        return dict(self.param["input"])


class TaskLog:
    """Saves tasks in a folder.

    Args:
        state: The folder, None to save nothing.
    """

    def __init__(self, state: Path | None) -> None:
        self._file = state / "tasks.jsonl" if state else None

    def read(self) -> list[Task]:
        """Read the saved tasks, without lines truncated by a crash (never answered)."""
        if self._file is None or not self._file.exists():
            return []
        tasks = []
        for line in self._file.read_text(encoding="utf-8").splitlines():
            try:
                tasks.append(Task(**json.loads(line)))
            except (ValueError, TypeError):
                continue
        return tasks

    def add(self, task: Task) -> None:
        """Save a task durably; called before the request is answered."""
        if self._file is None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(task), ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())


def hash_key(key: str) -> str:
    """Return a digest that identifies the owner of a task."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]
