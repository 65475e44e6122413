"""Write a request as source: the `%%liangxin` cell and the Python call that create it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ..core.command_line import split_line
from ..core.request import Request
from ..errors import InvalidRequestError
from .model_spec import ModelSpec

__all__ = ["to_cell_source", "to_python_source", "to_source"]

_MAX_LINE_LENGTH = 88
#: How an embedded image begins, and the digest that metadata contain instead of one.
_EMBEDDED = ("data:", "image/")


def to_cell_source(model: ModelSpec, request: Request, images: Sequence[str] | None = None) -> str:
    """Return the cell for a request.

    Args:
        model: The request's model.
        request: The request.
        images: The reference images as files, URLs or variables. Default: the request's URLs.

    Raises:
        InvalidRequestError: If a value cannot be written in the line of a cell.
    """
    line = " ".join(["%%liangxin", request.model, *_command_line_options(model, request, images)])
    return f"{line}\n{request.prompt}"


def to_python_source(
    model: ModelSpec, request: Request, images: Sequence[str] | None = None
) -> str:
    """Return the Python call for a request.

    Args:
        model: The request's model.
        request: The request.
        images: The reference images as files, URLs or variables. Default: the request's URLs.
    """
    options = dict(request.options)
    arguments = [_to_literal(request.prompt), f"model={_to_literal(request.model)}"]
    if images := _image_arguments(model, options, images):
        arguments.append(f"image={_to_literal(images[0] if len(images) == 1 else images)}")
    arguments += [f"{n}={_to_literal(value)}" for n, value in options.items() if n.isidentifier()]
    arguments += [] if model.in_catalog else ["any_model=True"]
    others = {name: value for name, value in options.items() if not name.isidentifier()}
    arguments += [f"**{others!r}"] if others else []
    line = f"lx.generate({', '.join(arguments)})"
    if len(line) > _MAX_LINE_LENGTH:
        line = "lx.generate(\n" + "".join(f"    {argument},\n" for argument in arguments) + ")"
    return f"import liangxin_nb as lx\n\n{line}"


def to_source(model: ModelSpec, request: Request) -> str:
    """Return the cell for a request, or the Python call if a cell cannot express it.

    Args:
        model: The request's model.
        request: The request.
    """
    try:
        return to_cell_source(model, request)
    except InvalidRequestError:
        return to_python_source(model, request)


def _command_line_options(
    model: ModelSpec, request: Request, images: Sequence[str] | None
) -> Iterator[str]:
    options = dict(request.options)
    images = _image_arguments(model, options, images)
    if len(model.size_inputs) == 2 and all(name in options for name in model.size_inputs):
        yield "--size {}x{}".format(*(options.pop(name) for name in model.size_inputs))
    flags = {name: option for option, name in model.common_options.items() if option != "image"}
    for name, value in options.items():
        flag = flags.get(name)
        if flag and model.model_spelling(flag, value) == value:
            yield f"--{flag} {_quote(_to_text(value))}"
        else:
            yield f"-o {_quote(_to_text(value), f'{name}=')}"
    if not model.in_catalog:
        yield "--any-model"
    for image in images:
        yield f"--image {_quote(image)}"


def _image_arguments(
    model: ModelSpec, options: dict[str, Any], images: Sequence[str] | None
) -> Sequence[str]:
    """Remove the reference images from the options and return how the source names them."""
    value = options.pop(model.common_options.get("image", ""), None)
    urls = value if isinstance(value, list) else [] if value is None else [str(value)]
    if images is not None:
        return list(images)
    # An embedded image has no URL; the source names a variable for it.
    return [f"picture_{n}" if url.startswith(_EMBEDDED) else url for n, url in enumerate(urls, 1)]


def _to_text(value: Any) -> str:
    if isinstance(value, list):
        all_urls = all(str(item).startswith(("http://", "https://", "data:")) for item in value)
        return ",".join(value) if all_urls else json.dumps(value, ensure_ascii=False)
    return value if isinstance(value, str) else json.dumps(value)


def _quote(text: str, prefix: str = "") -> str:
    """Return a word for the line of a cell, with quotes if `split_line` needs them."""
    for quote in ("", '"', "'"):
        word = f"{prefix}{quote}{text}{quote}"
        # IPython would interpolate braces and dollars before the magic reads the line.
        if (
            text
            and not set(text) & set("{}$\n\r")
            and split_line(f"-o {word}") == ["-o", prefix + text]
        ):
            return word
    raise InvalidRequestError(
        f"{prefix or 'The value '}{text[:60]!r} cannot be written in the line of a cell.",
        next_step="Use the Python call instead.",
    )


def _to_literal(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_to_literal, value))}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
