"""Event handlers of widgets that report their errors on the screen."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from ...errors import LiangxinError

__all__ = ["describe_error", "report_errors"]


def report_errors(
    handler: Callable[[], object],
    show_error: Callable[[str], object],
    *,
    lock: AbstractContextManager[object] | None = None,
) -> Callable[..., None]:
    """Wrap a handler so that its errors are shown; front ends discard exceptions of handlers.

    Args:
        handler: The work, called without the arguments that the widget passes.
        show_error: Shows the description of an error.
        lock: Held during the work, so that handlers on several threads run one at a time.

    Returns:
        A handler for any widget event.
    """

    def handle(*_: object) -> None:
        try:
            with lock or nullcontext():
                handler()
        except Exception as error:
            show_error(describe_error(error))

    return handle


def describe_error(error: BaseException) -> str:
    """Describe an error in one text; unexpected ones with the name of their class."""
    known = isinstance(error, LiangxinError)
    return str(error) if known else f"{type(error).__name__}: {error}"
