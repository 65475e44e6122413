"""Tab completion for `%liangxin` and `%%liangxin` lines, from the catalogue and the options."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .hints import current_models
from .options import BATCH_OPTIONS, CELL_OPTIONS, option_flags

if TYPE_CHECKING:
    from ...catalog import ModelSpec

__all__ = ["complete_line", "matcher"]

_LINE = r"^\s*(%%?)liangxin[ \t]+([^\n]*)$"


def complete_line(text: str, commands: Iterable[str]) -> tuple[str, list[str]] | None:
    """Return the completions of a magic's line.

    Args:
        text: The line up to the cursor.
        commands: The subcommands of ``%liangxin``.

    Returns:
        The word before the cursor and its completions; None for any other line.
    """
    match = re.match(_LINE, text)
    if not match:
        return None
    *before, current = match[2].split(" ")
    is_cell = match[1] == "%%"
    candidates = _for_cell(before, current) if is_cell else _for_line(before, commands)
    return current, [candidate for candidate in candidates if candidate.startswith(current)]


def matcher(context: Any) -> dict[str, Any]:
    """Complete a line for IPython; for our magics, other matchers are suppressed."""
    if "liangxin" not in context.text_until_cursor:
        return {"completions": []}
    from IPython.core.completer import SimpleCompletion

    from .line_magic import COMMANDS

    line = complete_line(context.text_until_cursor, COMMANDS)
    if line is None:
        return {"completions": []}
    current, candidates = line
    completions = [SimpleCompletion(text=text, type="liangxin") for text in candidates]
    return {"completions": completions, "matched_fragment": current, "suppress": True}


def _for_line(before: list[str], commands: Iterable[str]) -> Iterable[str]:
    """Return what can follow in a ``%liangxin`` line."""
    if before == ["models"]:
        return current_models()
    return [] if before else commands


def _for_cell(before: list[str], current: str) -> Iterable[str]:
    """Return values after an option that takes one; otherwise models and options."""
    is_batch = before[:1] == ["batch"]
    options = BATCH_OPTIONS if is_batch else CELL_OPTIONS
    models, last = current_models(), before[-1] if before else ""
    named = [word for word in before if word in models]
    model = models[named[0]] if named else next(iter(models.values()))
    if last in ("-o", "--option"):
        return _option_pairs(model, current)
    spec = model.inputs.get(model.common_options.get(last.removeprefix("--"), ""))
    if spec is not None and spec.allowed:
        return spec.allowed
    if any(last in option.args and "metavar" in option.kwds for option in options):
        return []
    if is_batch:  # a batch takes several models
        return [*(name for name in models if name not in named), *option_flags(options)]
    words = [] if before else ["batch"]
    return [*words, *([] if named else models), *option_flags(options)]


def _option_pairs(model: ModelSpec, current: str) -> list[str]:
    """Return the model's inputs as ``NAME=``, or ``NAME=VALUE`` once the input is named."""
    name, equals, _ = current.partition("=")
    if not equals:
        return [f"{name}=" for name in model.inputs]
    spec = model.inputs.get(name)
    return [f"{name}={value}" for value in (spec.values if spec else ())]
