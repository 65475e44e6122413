"""Calls from the service: taken by Jupyter's server, told to the kernel that waits for them.

A call is a hint and nothing more: it makes the kernel ask about its task at once instead of at
the next turn. Nothing in it is believed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .channel import CallbackChannel
    from .receiver import CallbackServer

__all__ = ["CallbackChannel", "CallbackServer"]

_ROOMS = {"CallbackChannel": "channel", "CallbackServer": "receiver"}


def __getattr__(name: str) -> Any:
    # Kernels need no web server, and the server needs nothing of the kernels.
    from importlib import import_module

    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_ROOMS[name]}", __name__), name)
