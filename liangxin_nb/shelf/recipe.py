"""A request written down as people would type it: a cell, or a line of Python."""

from __future__ import annotations

import json
import re
from typing import Any

from ..catalog import model as find
from ..catalog import models
from ..request import Request, Value

__all__ = ["FILE", "call", "cell", "from_picture"]

#: Stands for a reference picture that was sent along and is not kept.
FILE = "REFERENCE_PICTURE.png"
_SENT = re.compile(r"(data|image/[\w.+-]+)[;:]")  # an address written into the request


def cell(request: Request, profile: str) -> str:
    """The `%%liangxin` cell of a request, or a line of Python where a cell cannot say it."""
    words = [f"%%liangxin {request.model}"]
    for name, value in _named(request, profile):
        text = _quoted(_text(value))
        if text is None:
            return call(request, profile)
        words.append(f"--{name} {text}" if name in _PLAIN else f"-o {name}={text}")
    return " ".join(words) + "\n" + request.prompt


def call(request: Request, profile: str) -> str:
    """The call of `generate` for a request."""
    given: dict[str, Any] = {"model": request.model}
    strange: dict[str, Any] = {}
    for name, value in _named(request, profile):
        if name == "image" and "image" in given:
            given["image"] = [*_listed(given["image"]), value]
        else:
            (given if name.isidentifier() else strange)[name] = value
    more = f", **{strange!r}" if strange else ""
    inputs = "".join(f", {name}={value!r}" for name, value in given.items())
    return f"import liangxin_nb as lx\nlx.generate({request.prompt!r}{inputs}{more})"


def from_picture(place: str, profile: str) -> str:
    """A cell that sends a kept picture along as a reference, for a new prompt."""
    able = [model.id for model in models(profile).values() if "image" in model.plain]
    words = ["%%liangxin", *able[:1], "--image", _quoted(place) or place]
    return " ".join(words) + "\nWhat to make of this picture"


_PLAIN = ("aspect", "size", "seed", "image")


def _named(request: Request, profile: str) -> list[tuple[str, Value]]:
    """The options, those that people have words for under these words, pictures one by one."""
    model = find(profile, request.model)
    people = {wire: word for word, wire in model.plain.items() if word in _PLAIN}
    named: list[tuple[str, Value]] = []
    for name, value in request.options.items():
        word = people.get(name, name)
        if word == "image":
            named += [("image", _reference(one)) for one in _listed(value)]
        elif value is not None:
            named.append((word, FILE if _SENT.match(str(value)) else value))
    return named


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _reference(value: Any) -> str:
    return FILE if _SENT.match(str(value)) else str(value)


def _text(value: Value) -> str:
    """A value as -o takes it."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _quoted(text: str) -> str | None:
    """A value as a word of the line; None where the line has no way to say it."""
    # The shell fills in braces and dollars of a magic's line, and cannot be told not to.
    if re.search(r"[{}$\n\r]", text) or ("'" in text and '"' in text):
        return None
    if "'" in text or not text or any(c.isspace() for c in text):
        return f'"{text}"' if '"' not in text else f"'{text}'"
    return f"'{text}'" if '"' in text else text
