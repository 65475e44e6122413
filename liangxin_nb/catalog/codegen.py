"""A request as people type it: the %%liangxin cell and the Python call that ask for the same."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ..core.command_line import split_line
from ..core.request import Request
from ..errors import InvalidRequestError
from .model_spec import ModelSpec

__all__ = ["to_cell_source", "to_python_source", "to_source"]

_WIDE = 88
_SENT = ("data:", "image/")  # a picture that was sent along, or what a story tells of it


def to_cell_source(model: ModelSpec, request: Request, images: Sequence[str] | None = None) -> str:
    """The cell that asks for this request.

    `images`: what stands for the reference pictures (files, URLs, variables), default their own
    addresses. Raises `InvalidRequestError` for a value that a cell's line cannot hold.
    """
    line = " ".join(["%%liangxin", request.model, *_command_line_options(model, request, images)])
    return f"{line}\n{request.prompt}"


def to_python_source(
    model: ModelSpec, request: Request, images: Sequence[str] | None = None
) -> str:
    """The Python call that asks for this request; `images` as in `to_cell_source`."""
    options = dict(request.options)
    arguments = [_to_literal(request.prompt), f"model={_to_literal(request.model)}"]
    if shown := _image_arguments(model, options, images):
        arguments.append(f"image={_to_literal(shown[0] if len(shown) == 1 else shown)}")
    arguments += [f"{n}={_to_literal(value)}" for n, value in options.items() if n.isidentifier()]
    strange = {name: value for name, value in options.items() if not name.isidentifier()}
    arguments += [f"**{strange!r}"] if strange else []
    line = f"lx.generate({', '.join(arguments)})"
    if len(line) > _WIDE:
        line = "lx.generate(\n" + "".join(f"    {one},\n" for one in arguments) + ")"
    return f"import liangxin_nb as lx\n\n{line}"


def to_source(model: ModelSpec, request: Request) -> str:
    """The cell that asks for this request, or the Python call where a cell cannot say it."""
    try:
        return to_cell_source(model, request)
    except InvalidRequestError:
        return to_python_source(model, request)


def _command_line_options(
    model: ModelSpec, request: Request, images: Sequence[str] | None
) -> Iterator[str]:
    options = dict(request.options)
    shown = _image_arguments(model, options, images)
    if len(model.size_inputs) == 2 and all(side in options for side in model.size_inputs):
        yield "--size {}x{}".format(*(options.pop(side) for side in model.size_inputs))
    behind = {
        model.common_options[word]: word
        for word in ("aspect", "size", "seed")
        if word in model.common_options
    }
    for name, value in options.items():
        word = behind.get(name)
        if word and model.model_spelling(word, value) == value:
            yield f"--{word} {_to_common_option(_to_option_value(value))}"
        else:
            yield f"-o {_to_common_option(_to_option_value(value), f'{name}=')}"
    for image in shown:
        yield f"--image {_to_common_option(image)}"


def _image_arguments(
    model: ModelSpec, options: dict[str, Any], images: Sequence[str] | None
) -> Sequence[str]:
    """What stands for the reference pictures; they are taken out of the options."""
    given = options.pop(model.common_options.get("image", ""), None)
    addresses = given if isinstance(given, list) else [] if given is None else [str(given)]
    if images is not None:
        return list(images)
    # A picture that was sent along has no address; a variable may take its place.
    return [
        f"picture_{n}" if address.startswith(_SENT) else address
        for n, address in enumerate(addresses, 1)
    ]


def _to_option_value(value: Any) -> str:
    if isinstance(value, list):
        plain = all(str(one).startswith(("http://", "https://", "data:")) for one in value)
        return ",".join(value) if plain else json.dumps(value, ensure_ascii=False)
    return value if isinstance(value, str) else json.dumps(value)


def _to_common_option(text: str, name: str = "") -> str:
    """A word of the line, in quotes where it needs them, as the line's reader takes it apart."""
    for quote in ("", '"', "'"):
        word = f"{name}{quote}{text}{quote}"
        # IPython would fill in braces and dollars before anybody reads the line.
        if (
            text
            and not set(text) & set("{}$\n\r")
            and split_line(f"-o {word}") == ["-o", name + text]
        ):
            return word
    raise InvalidRequestError(
        f"{name or 'The value '}{text[:60]!r} cannot be written in a cell's line.",
        next_step="The Python call can say it.",
    )


def _to_literal(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_to_literal, value))}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
