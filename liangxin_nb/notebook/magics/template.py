"""`--template`: replace names in braces by the notebook's variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from ...errors import InvalidRequestError

__all__ = ["fill_template"]

#: An escaped brace, a name in one or two pairs of braces, or any other brace.
_BRACES = re.compile(
    r"\\(?P<literal>[{}])|\{\{\s*(?P<two>[^\W\d]\w*)\s*\}\}|\{\s*(?P<one>[^\W\d]\w*)\s*\}|[{}]"
)
_BRACE_STEP = r"Write \{ and \} for braces that are a part of the prompt."


def fill_template(prompt: str, variables: Mapping[str, Any]) -> str:
    r"""Return the prompt with ``{name}`` and ``{{name}}`` replaced; ``\{`` and ``\}`` are braces.

    Args:
        prompt: The prompt with at least one name.
        variables: The notebook's variables.

    Raises:
        InvalidRequestError: If there is no name, no such variable, or another brace. Nothing has
            been sent.
    """
    matches = list(_BRACES.finditer(prompt))
    names = [name for match in matches if (name := match["one"] or match["two"])]
    if not names:
        raise InvalidRequestError(
            "--template found no name in braces, such as {style}; nothing was sent.",
            next_step="Write the name of a variable in braces, or leave out --template.",
        )
    if unknown := [name for name in dict.fromkeys(names) if name not in variables]:
        raise _unknown_names_error(unknown, variables)
    for match in matches:
        if match[0] in ("{", "}"):
            start = match.start()
            raise InvalidRequestError(
                f"--template replaces names of variables only, not {prompt[start : start + 30]!r}; "
                "nothing was sent.",
                next_step=_BRACE_STEP,
            )
    return _BRACES.sub(lambda match: _value(match, variables), prompt)


def _value(match: re.Match[str], variables: Mapping[str, Any]) -> str:
    """Return what replaces a match."""
    name = match["one"] or match["two"]
    if not name:
        return match["literal"]
    value = variables[name]
    text = str(value)
    if value is None or (text.startswith("<") and not isinstance(value, str)):
        raise InvalidRequestError(
            f"--template: the variable {name} is {type(value).__name__}, not a text or a number; "
            "nothing was sent.",
            next_step=f"Give {name} a value that can be read in a prompt.",
        )
    return text


def _unknown_names_error(unknown: list[str], variables: Mapping[str, Any]) -> InvalidRequestError:
    """Return the error for names that are no variables, with those that may be meant."""
    placeholders = ", ".join(f"{{{name}}}" for name in unknown)
    own = [name for name in variables if not name.startswith("_")]
    close = dict.fromkeys(m for name in unknown for m in get_close_matches(name, own, 2))
    meant = f"Did you mean {' or '.join(f'{{{name}}}' for name in close)}? " if close else ""
    return InvalidRequestError(
        f"--template found {placeholders}, but no such variable; nothing was sent.",
        next_step=f"{meant}{_BRACE_STEP}",
    )
