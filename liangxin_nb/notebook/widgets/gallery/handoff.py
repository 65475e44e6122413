"""Where the gallery sends requests and pictures: an open composer, or functions of the caller."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from liangxin_nb.core.request import Request

__all__ = ["EditTarget", "Handoff", "register_target"]


class EditTarget(Protocol):
    """A form that can load requests and pictures, such as the composer."""

    def edit(self, request: Request, job_id: str) -> None:
        """Load the request of a job, to be changed and submitted again."""

    def reference(self, path: Path) -> None:
        """Add a saved picture as a reference for the next request."""


def register_target(target: EditTarget) -> None:
    """Make a form the target of all galleries; it is referenced weakly."""
    Handoff._target = weakref.ref(target)


@dataclass(frozen=True)
class Handoff:
    """The functions of one gallery; without them, the target that was registered last is used.

    Attributes:
        on_edit: Takes a request, or None.
        on_reference: Takes the path of a picture, or None.
    """

    on_edit: Callable[[Request], None] | None = None
    on_reference: Callable[[Path], None] | None = None
    _target: ClassVar[weakref.ref[EditTarget] | None] = None

    def edit(self, request: Request, job_id: str) -> bool:
        """Send the request of a job; returns whether there is a target."""
        target = Handoff._target() if Handoff._target is not None else None
        if self.on_edit is not None:
            self.on_edit(request)
        elif target is not None:
            target.edit(request, job_id)
        return self.on_edit is not None or target is not None

    def reference(self, path: Path) -> bool:
        """Send the path of a picture; returns whether there is a target."""
        target = Handoff._target() if Handoff._target is not None else None
        take = self.on_reference or (target.reference if target else None)
        if take is not None:
            take(path)
        return take is not None
