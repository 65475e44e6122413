"""Who takes over what the gallery hands on: a composer that is open, or functions of one's own."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from liangxin_nb.core.request import Request

__all__ = ["EditTarget", "Handoff", "current_target", "register_target"]


class EditTarget(Protocol):
    """Whoever can take up a request or a picture; the composer is one."""

    def edit(self, request: Request) -> None:
        """Takes the request up, to be changed and sent anew."""

    def reference(self, path: Path) -> None:
        """Takes a kept picture up as a reference for a new request."""


class _Registered:
    """The desk that was opened last; one that no one holds any more is forgotten."""

    latest: weakref.ref[EditTarget] | None = None


def register_target(taker: EditTarget) -> None:
    """From now on, galleries hand on to this desk; it is held weakly."""
    _Registered.latest = weakref.ref(taker)


def current_target() -> EditTarget | None:
    """The desk that was opened last and is still there."""
    return _Registered.latest() if _Registered.latest is not None else None


@dataclass(frozen=True)
class Handoff:
    """What one gallery was told to hand on to; what it was not told goes to the open desk."""

    on_edit: Callable[[Request], None] | None = None
    on_reference: Callable[[Path], None] | None = None

    def edit(self, request: Request) -> bool:
        """Hands a request on; False when no one takes it."""
        taker = current_target()
        take = self.on_edit or (taker.edit if taker else None)
        if take is not None:
            take(request)
        return take is not None

    def reference(self, path: Path) -> bool:
        """Hands a picture on; False when no one takes it."""
        taker = current_target()
        take = self.on_reference or (taker.reference if taker else None)
        if take is not None:
            take(path)
        return take is not None
