"""The accepted tasks of a sandbox, and the files that save its state."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from .task_timeline import TaskFault

__all__ = ["JsonLines", "Task", "hash_key", "is_owner"]


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
        token: The secret part of the URLs of its files.
    """

    id: str
    owner: str
    created_ms: int
    total_ms: int
    param: dict[str, Any]
    faults: Sequence[TaskFault] = ()
    token: str = field(default_factory=lambda: secrets.token_hex(16))

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Create a task from its saved form.

        Older sandboxes saved `faults` as `fates`, and no token: the URLs contained the task id.
        """
        values = {"faults" if name == "fates" else name: value[name] for name in value}
        return cls(**{"token": values.get("id"), **values})

    @property
    def input(self) -> dict[str, Any]:
        """The ``input`` of the request."""
        return dict(self.param["input"])


class JsonLines:
    """A file with one JSON value per line.

    Args:
        path: The file, None to save nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def read(self) -> list[Any]:
        """Read all values, without lines truncated by a crash."""
        if self._path is None or not self._path.exists():
            return []
        values = []
        for line in self._path.read_text(encoding="utf-8").splitlines():
            with suppress(ValueError):
                values.append(json.loads(line))
        return values

    def append(self, value: Any) -> None:
        """Save a value durably."""
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(value, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())


def is_owner(key: str, task: Task) -> bool:
    """Return whether a key may see a task; those of older sandboxes have the key `sandbox`."""
    return task.owner in (hash_key(key), hash_key("sandbox"))


def hash_key(key: str) -> str:
    """Return a digest that identifies the owner of a task."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]
