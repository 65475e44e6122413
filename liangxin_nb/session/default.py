"""The session that cells and one-line calls use."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ..config.settings import OVERRIDES, Settings
from ..errors import InvalidRequestError
from .session import Session

__all__ = ["configure", "get_session", "set_session"]


class _Default:
    """The session that cells use, and whether someone chose it."""

    session: Session | None = None
    explicit = False


def get_session() -> Session:
    """The session that cells use: the one given to `set_session`, or one made from the settings.

    Made anew when the settings have changed since; the default folder stays where it was first,
    so that a later `%cd` does not scatter the results. Raises `InvalidRequestError`.
    """
    held = _Default.session
    if held is not None and _Default.explicit:
        return held
    settings = Settings.load()
    if held is not None and settings.results == Path("liangxin-results").absolute():
        settings = replace(settings, results=held.settings.results)
    if held is None or settings != held.settings:
        _Default.session = Session(settings)
    assert _Default.session is not None
    return _Default.session


def set_session(session: Session | None) -> None:
    """Lets cells and one-line calls use this session; None goes back to the settings.

    lx.set_session(lx.Session(profile="sandbox", results="somewhere-else"))
    """
    _Default.session, _Default.explicit = session, session is not None


def configure(**values: Any) -> Session:
    """The session with other settings for this process, as `%config` and `%liangxin key` set them.

    Raises `InvalidRequestError`, and changes nothing, when they cannot work.
    """
    if _Default.explicit:
        raise InvalidRequestError(
            "This notebook chose its session itself; nothing has changed.",
            next_step="lx.set_session(None) goes back to the settings.",
        )
    before = dict(OVERRIDES)
    OVERRIDES.update(values)
    try:
        return get_session()
    except InvalidRequestError:
        OVERRIDES.clear()
        OVERRIDES.update(before)
        raise
