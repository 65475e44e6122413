"""Errors for lines that mean something else: each contains what to write instead."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches

from ...catalog import ModelSpec, load_models, match_model
from ...config.settings import Settings
from ...errors import InvalidRequestError

__all__ = [
    "current_models",
    "join_model_words",
    "prompt_on_line_error",
    "unknown_command_error",
    "unknown_option_error",
]

_PROMPT_BELOW = "and the prompt on the lines below"
#: Options that other tools have, and what to write instead.
_OTHER_NAMES = {
    "--model": "Write the name of the model alone: %%liangxin z-image.",
    "--prompt": f"Write %%liangxin, {_PROMPT_BELOW}.",
    "--count": "Write -n NUMBER.",
    "--number": "Write -n NUMBER.",
    "--ratio": "Write --aspect W:H.",
    "--output": "--out NAME names a variable for the job.",
}


def current_models() -> Mapping[str, ModelSpec]:
    """Return the models of the current profile; those of the sandbox if settings are invalid."""
    try:
        return load_models(Settings.load().profile)
    except Exception:  # while a line is typed or wrong, no other error is of interest
        return load_models("sandbox", own=False)


def join_model_words(words: Sequence[str]) -> list[str]:
    """Join words that together spell a model, such as ``kling v3 pro``; others stay."""
    models, joined = current_models(), []
    rest = list(words)
    while rest:
        lengths = range(len(rest), 1, -1)
        count = next((n for n in lengths if match_model(models, " ".join(rest[:n]))), 1)
        joined.append(" ".join(rest[:count]))
        rest = rest[count:]
    return joined


def prompt_on_line_error(words: Sequence[str], positional: Sequence[str]) -> InvalidRequestError:
    """Return the error for a prompt on the option line.

    Args:
        words: All words of the line.
        positional: Those that are neither an option nor a value of one.
    """
    model, *prompt = join_model_words(positional)
    if not match_model(current_models(), model):
        prompt.insert(0, model)
    remaining = list(words)
    for word in " ".join(prompt).split():
        if word in remaining:
            remaining.remove(word)
    line = " ".join(["%%liangxin", *(f'"{w}"' if " " in w else w for w in remaining)])
    if not prompt:
        return InvalidRequestError(
            "The prompt is empty; nothing was sent.", next_step=f"Write {line}, {_PROMPT_BELOW}."
        )
    return InvalidRequestError(
        "The prompt is on the option line; nothing was sent.",
        next_step=f"Write {line}, and on the line below it: {' '.join(prompt)}",
    )


def unknown_option_error(word: str, flags: Sequence[str]) -> InvalidRequestError:
    """Return the error for an option that does not exist."""
    name = word.partition("=")[0]
    if step := _OTHER_NAMES.get(name):
        pass
    elif (field := name.lstrip("-").replace("-", "_")) in _all_inputs():
        step = f"It is an input of a model: write -o {field}=VALUE."
    elif similar := get_close_matches(name, flags, 1, 0.7):
        step = f"Did you mean {similar[0]}?"
    else:
        step = f"The options are {', '.join(flags)}."
    return InvalidRequestError(f"Unknown option {name}; nothing was sent.", next_step=step)


def _all_inputs() -> set[str]:
    return {name for model in current_models().values() for name in model.inputs}


def unknown_command_error(line: str, commands: Collection[str]) -> InvalidRequestError:
    """Return the error for a ``%liangxin`` line that is not a command.

    Args:
        line: The text after ``%liangxin``.
        commands: The names of the commands.
    """
    name, *rest = line.split()
    if name.startswith("-"):
        message, step = f"{name} is an option of %%liangxin, with two percent signs", _as_cell(line)
    elif match_model(current_models(), line):
        message, step = f"{line!r} is a model, not a command of %liangxin", _as_cell(line)
    elif similar := _similar_command(name, rest, commands):
        message = f"{name!r} is not a command of %liangxin"
        step = f"Did you mean %liangxin {' '.join([similar, *rest])}?"
    elif rest:
        message = f"{name!r} is not a command of %liangxin"
        step = f"To create a picture, write %%liangxin, and on the line below it: {line}"
    else:
        message = f"{name!r} is not a command of %liangxin"
        step = "%liangxin help lists them. To create a picture, write %%liangxin above a prompt."
    return InvalidRequestError(f"{message}; nothing was sent.", next_step=step)


def _similar_command(name: str, rest: Sequence[str], commands: Iterable[str]) -> str:
    """Return the command that was probably meant; a sentence is rather a prompt."""
    cutoff = 0.6 if len(rest) < 2 else 0.8
    return next(iter(get_close_matches(name, list(commands), 1, cutoff)), "")


def _as_cell(line: str) -> str:
    """Return how a line is written as a cell."""
    for option in ("--models", "--model"):
        line = line.replace(f"{option}=", "").replace(f"{option} ", "")
    return f"Write %%liangxin {line}, {_PROMPT_BELOW}."
