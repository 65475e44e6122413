"""The arguments of `Session`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..config.settings import Settings
from ..errors import InvalidRequestError
from ..polling import PollSchedule

__all__ = ["check_session_arguments"]


def check_session_arguments(
    settings: Settings | None, schedule: PollSchedule | None, arguments: Mapping[str, Any]
) -> Settings:
    """Return the settings that the arguments of `Session` stand for.

    Raises:
        InvalidRequestError: If an argument is unknown or its value is not allowed.
    """
    if settings is not None and not isinstance(settings, Settings):
        raise InvalidRequestError(
            f"Session() takes its settings by name, not as <{type(settings).__name__}>; nothing "
            "was sent.",
            next_step='Write Session(profile="kie", results="folder").',
        )
    if schedule is not None and not isinstance(schedule, PollSchedule):
        raise InvalidRequestError(
            f"schedule=<{type(schedule).__name__}> is not valid; allowed: a PollSchedule. Nothing "
            "was sent.",
            next_step="Leave it out, or write schedule=lx.PollSchedule().",
        )
    if settings is not None and arguments:
        raise InvalidRequestError(
            f"Session() takes either settings= or {', '.join(arguments)}=; nothing was sent.",
            next_step="Leave one of them out.",
        )
    return settings.resolve() if settings is not None else Settings.load(**arguments)
