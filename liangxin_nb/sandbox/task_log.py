"""The tasks that the sandbox accepted, one line each on disk."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .task_timeline import TaskFault

__all__ = ["Task", "TaskLog", "owner_of"]


@dataclass(frozen=True)
class Task:
    """One accepted task: the request as it came, and when. `owner` is a digest of the key.

    `faults`: the faults sealed at its creation, each a name and an argument.
    """

    id: str
    owner: str
    created_ms: int
    total_ms: int
    param: dict[str, Any]
    faults: Sequence[TaskFault] = ()

    @property
    def input(self) -> dict[str, Any]:
        """The request's `input`."""
        return dict(self.param["input"])


class TaskLog:
    """The tasks of a folder, or of no folder: then they are forgotten with the process."""

    def __init__(self, state: Path | None) -> None:
        self._file = state / "tasks.jsonl" if state else None

    def read(self) -> list[Task]:
        """The tasks on disk; a line cut off by a crash was never answered and is passed over."""
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
        """Writes a task down, for good before it is answered."""
        if self._file is None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(task), ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())


def owner_of(key: str) -> str:
    """Whose task it is, without the key."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]
