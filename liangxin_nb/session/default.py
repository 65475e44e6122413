"""The default session: the one that cells and the functions of the package use."""

from __future__ import annotations

import threading
from importlib import import_module
from typing import Any

from .._forks import ForkSafeLock
from ..config.settings import OVERRIDES, Settings, override
from ..core.public import public
from ..errors import InvalidRequestError, LiangxinError
from .session import BaseSession

__all__ = ["configure", "current_settings", "get_session", "set_session"]


class _Default:
    """The default session, and whether it was set by `set_session`."""

    session: BaseSession | None = None
    explicit = False
    #: Of several threads that use the package first, one makes the session.
    lock = ForkSafeLock()
    #: The thread that is making it.
    opened_by = 0


def get_session() -> BaseSession:
    """Return the session given to `set_session`, or one made from the settings.

    It is made again when the settings have changed since. The default results folder stays where
    it was first, so that a later `%cd` does not scatter the results.

    Raises:
        InvalidRequestError: If the settings cannot be used.
    """
    with _Default.lock:
        current, settings = _Default.session, current_settings()
        if current is None or settings != current.settings:
            current = _Default.session = _open(settings)
        return current


def current_settings() -> Settings:
    """Return the settings of the default session, also if it cannot be made.

    Raises:
        InvalidRequestError: If they cannot be used.
    """
    current = _Default.session
    if current is not None and _Default.explicit:
        return current.settings
    settings = Settings.load()
    if current is not None and settings.source("results") == "default":
        return settings.with_values(results=current.settings.results)
    return settings


def _open(settings: Settings) -> BaseSession:
    if _Default.opened_by == threading.get_ident():
        raise InvalidRequestError(
            "A signal handler needs the session while it is being opened; nothing was sent.",
            next_step="Open it before you install the handler, for example with lx.history().",
        )
    _Default.opened_by = threading.get_ident()
    try:
        # The public class adds what the packages above this one do: it is not imported here.
        session_class: type[BaseSession] = import_module("liangxin_nb").Session
        return session_class(settings)
    finally:
        _Default.opened_by = 0


@public
def set_session(session: BaseSession | None) -> None:
    """Choose the session that cells and the functions of the package use.

        lx.set_session(lx.Session(profile="sandbox", results="elsewhere"))

    Args:
        session: The session; None goes back to one made from the settings.
    """
    _Default.session, _Default.explicit = session, session is not None


def configure(**values: Any) -> BaseSession:
    """Change settings for this process, as `%config` and `%liangxin key` do.

    Args:
        **values: Settings by name.

    Returns:
        The session with the new settings.

    Raises:
        InvalidRequestError: If they cannot be used. Nothing is changed.
    """
    if _Default.explicit:
        raise InvalidRequestError(
            "The session of this notebook was set by set_session; nothing has changed.",
            next_step="lx.set_session(None) goes back to the settings.",
        )
    before = dict(OVERRIDES)
    override(values, "argument")
    try:
        return get_session()
    except LiangxinError:
        OVERRIDES.clear()
        OVERRIDES.update(before)
        raise
