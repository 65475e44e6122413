"""Callbacks from the service: received by Jupyter's server, passed to the kernel that waits.

A callback is only a hint: it makes the kernel poll its task at once instead of at the next
scheduled time. Its content is never trusted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .channel import CallbackChannel
    from .receiver import CallbackServer

__all__ = ["CallbackChannel", "CallbackServer"]

_MODULES = {"CallbackChannel": "channel", "CallbackServer": "receiver"}


def __getattr__(name: str) -> Any:
    # Loaded lazily: kernels need no web server, and the server needs no kernel code.
    from importlib import import_module

    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)
