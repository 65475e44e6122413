"""Event handlers of widgets that report their errors on the screen."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from ...errors import LiangxinError

__all__ = ["report_errors"]


def report_errors(
    handler: Callable[[], object],
    show_error: Callable[[str], object],
    *,
    lock: AbstractContextManager[object] | None = None,
) -> Callable[..., None]:
    """Wrap a handler so that its errors are shown; front ends discard exceptions of handlers.

    Args:
        handler: The work, called without the arguments that the widget passes.
        show_error: Shows the text of an error; for unexpected ones with the name of the class.
        lock: Held during the work, so that handlers on several threads run one at a time.

    Returns:
        A handler for any widget event.
    """

    def handle(*_: object) -> None:
        try:
            with lock or nullcontext():
                handler()
        except Exception as error:
            known = isinstance(error, LiangxinError)
            show_error(str(error) if known else f"{type(error).__name__}: {error}")

    return handle
