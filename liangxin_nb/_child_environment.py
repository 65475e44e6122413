"""The environment variables of the processes that the package starts."""

from __future__ import annotations

import os
import re

__all__ = ["child_environment"]

#: What Python and the system need. A list of what is secret would never be complete.
_NEEDED = re.compile(
    r"(COVERAGE|DYLD|LC)_\w+|PYTHON[A-Z]+|XDG_\w+_(DIRS?|HOME)|LD_(LIBRARY_PATH|PRELOAD)"
    r"|LANG(UAGE)?|TZ|HOME(DRIVE|PATH)?|USERPROFILE|PATH(EXT)?|TE?MP(DIR)?|(LOCAL)?APPDATA"
    r"|PROGRAMDATA|SYSTEM(DRIVE|ROOT)|WINDIR|COMSPEC|VIRTUAL_ENV|CONDA_PREFIX",
    re.IGNORECASE,
)


def child_environment(*names: str) -> dict[str, str]:
    """Return the variables that a child process needs; keys and passwords are not among them.

    Args:
        names: More variables that it needs.
    """
    variables = os.environ.items()
    return {name: value for name, value in variables if name in names or _NEEDED.fullmatch(name)}
