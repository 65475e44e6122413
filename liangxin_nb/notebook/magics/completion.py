"""Tab in a %liangxin or %%liangxin line: models, options and values from the catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ...config.settings import Settings

if TYPE_CHECKING:
    from ...catalog import ModelSpec

__all__ = ["complete_line", "matcher"]

_LINE = r"^\s*(%%?)liangxin[ \t]+([^\n]*)$"
#: Options that take a value of their own, which is no model's name.
_FREE = ("-n", "--image", "--out", "--seed", "--csv", "--name", "--max-tasks", "--concurrency")


def complete_line(text: str, commands: Iterable[str]) -> tuple[str, list[str]] | None:
    """What is being typed, and what may stand there; None where the line is not ours."""
    found = re.match(_LINE, text)
    if not found:
        return None
    *before, current = found[2].split(" ")
    options = _cell(before, current) if found[1] == "%%" else _line(before, commands)
    return current, [option for option in options if option.startswith(current)]


def matcher(context: Any) -> dict[str, Any]:
    """The matcher for IPython's completer; where the line is ours, no one else is asked."""
    if "liangxin" not in context.text_until_cursor:
        return {"completions": []}
    from IPython.core.completer import SimpleCompletion

    from .line_magic import COMMANDS

    found = complete_line(context.text_until_cursor, COMMANDS)
    if found is None:
        return {"completions": []}
    current, options = found
    completions = [SimpleCompletion(text=option, type="liangxin") for option in options]
    return {"completions": completions, "matched_fragment": current, "suppress": True}


def _line(before: list[str], commands: Iterable[str]) -> Iterable[str]:
    if before == ["models"]:
        return _models()
    return [name for name in commands if name] if not before else []


def _cell(before: list[str], current: str) -> Iterable[str]:
    """Values after an option that takes one; else the model, if none is named yet, and options."""
    batch = before[:1] == ["batch"]
    models, last = _models(), before[-1] if before else ""
    chosen = next((models[word] for word in before if word in models), next(iter(models.values())))
    if last in ("-o", "--option"):
        return _pairs(chosen, current)
    if last in _FREE:
        return []
    if input := chosen.inputs.get(chosen.common_options.get(last.removeprefix("--"), "")):
        return input.allowed
    if batch:  # of several models
        return [*(name for name in models if name not in before), *_flags(batch)]
    named = any(word in models for word in before)
    return [*([] if before else ["batch"]), *([] if named else models), *_flags(batch)]


def _flags(batch: bool) -> list[str]:
    from .options import flags

    if not batch:
        return flags()
    from .batch_arguments import batch_parser

    return flags(batch_parser())


def _pairs(chosen: ModelSpec, current: str) -> list[str]:
    """The model's inputs as NAME=, or the values of the input that is named already."""
    name, equals, _ = current.partition("=")
    if not equals:
        return [f"{name}=" for name in chosen.inputs]
    input = chosen.inputs.get(name)
    return [f"{name}={value}" for value in (input.values if input else ())]


def _models() -> Mapping[str, ModelSpec]:
    from ...catalog import load_models

    try:
        return load_models(Settings.load().profile)
    except Exception:  # while someone types, settings that do not fit yet are no news
        return load_models("sandbox", own=False)
