"""What the front end of this process can do."""

from __future__ import annotations

import os
from pathlib import Path

from IPython import get_ipython

from ...config.schema import read_variable

__all__ = ["frontend", "notebook_folder", "shows_widgets"]


def frontend() -> str:
    """Return the kind of front end, judged by what it can do and not by its name.

    ``LIANGXIN_FRONTEND`` overrides the detection.

    Returns:
        ``live`` (a notebook with a user), ``voila``, ``plain`` (a user, but no widgets; only by
        the variable), ``headless`` (a notebook runner), ``terminal`` or ``script``.

    Raises:
        InvalidRequestError: If ``LIANGXIN_FRONTEND`` names none of these.
    """
    if configured := read_variable("frontend"):
        return str(configured)
    if "VOILA_KERNEL_ID" in os.environ:
        return "voila"
    shell = get_ipython()
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return "terminal" if shell else "script"
    try:
        # Front ends with a user can answer input(); notebook runners cannot.
        has_user = kernel.get_parent()["content"].get("allow_stdin", True)
    except (AttributeError, KeyError, LookupError, TypeError):
        has_user = True
    return "live" if has_user else "headless"


def shows_widgets() -> bool:
    """Return whether a user can be shown widgets."""
    return frontend() in ("live", "voila")


def notebook_folder() -> Path | None:
    """Return the folder of the notebook, to which its links are relative; None if it is unknown.

    Jupyter's server names the notebook in the environment of its kernel; `%cd` changes nothing.
    """
    name = os.environ.get("JPY_SESSION_NAME", "")
    folder = Path(name).parent
    return folder if name and folder.is_absolute() and folder.is_dir() else None
