"""Decorators of what users receive and call."""

from __future__ import annotations

import functools
import inspect
import numbers
import os
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from ..errors import InvalidRequestError
from .printing import encodable

__all__ = ["explain_wrong_calls", "public"]

_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T")
#: Arguments for which the functions have messages of their own.
_EXPLAINED = ("prompt", "model", "seed")
#: Types in annotations: what is accepted, and how messages name it.
_TYPES: dict[str, tuple[Any, str]] = {
    "str": (str, "a text"),
    "int": (numbers.Integral, "a whole number"),
    "float": (numbers.Real, "a number"),
    "bool": (bool, "True or False"),
    "Path": (os.PathLike, "a path"),
    "None": (type(None), "None"),
}


def public(item: _T) -> _T:
    """Let a class or function name the package root as its module: users import it from there.

    The text of an object, which `print` writes, has only symbols that the standard output has.
    """
    item.__module__ = "liangxin_nb"
    if isinstance(item, type) and getattr(item, "__str__") is object.__str__:  # noqa: B009
        setattr(item, "__str__", _encodable_repr)  # noqa: B010 mypy rejects the assignment
    return item


def _encodable_repr(item: object) -> str:
    return encodable(repr(item))


def explain_wrong_calls(example: str) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Answer a call with wrong arguments by one line with the right call, not by a `TypeError`.

    Args:
        example: The right call, such as `lx.attach("task_…")`.

    Returns:
        The decorator; it keeps signature and docstring.
    """

    def decorate(function: Callable[_P, _R]) -> Callable[_P, _R]:
        signature = _readable(inspect.signature(function))
        types = {
            parameter.name: allowed
            for parameter in signature.parameters.values()
            if parameter.name not in _EXPLAINED and (allowed := _simple_types(parameter))
        }

        @functools.wraps(function)
        def checked(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            try:
                bound = signature.bind(*args, **kwargs).arguments
            except TypeError as error:
                raise InvalidRequestError(
                    f"{function.__name__}() {_as_clause(str(error))}; nothing was sent.",
                    next_step=f"Write {example}.",
                ) from None
            for name in types.keys() & bound.keys():
                if not _has_type(bound[name], types[name]):
                    raise InvalidRequestError(
                        f"{function.__name__}() takes {name} as {_describe(types[name])}, not "
                        f"{_shorten(bound[name])}; nothing was sent.",
                        next_step=f"Write {example}.",
                    )
            return function(*args, **kwargs)

        checked.__signature__ = signature  # type: ignore[attr-defined]
        return checked

    return decorate


class _Annotation(str):
    """An annotation that is shown without quotation marks."""

    __repr__ = str.__str__


def _readable(signature: inspect.Signature) -> inspect.Signature:
    parameters = [
        parameter.replace(annotation=_Annotation(parameter.annotation))
        if isinstance(parameter.annotation, str)
        else parameter
        for parameter in signature.parameters.values()
    ]
    return signature.replace(
        parameters=parameters, return_annotation=_Annotation(signature.return_annotation)
    )


def _simple_types(parameter: inspect.Parameter) -> tuple[str, ...]:
    """Return the names of the types in an annotation; none if one of them is not simple."""
    names = tuple(str(parameter.annotation).split(" | "))
    is_named = parameter.kind is not parameter.VAR_KEYWORD
    return names if is_named and all(name in _TYPES for name in names) else ()


def _has_type(value: object, names: tuple[str, ...]) -> bool:
    if isinstance(value, bool):
        return "bool" in names
    return any(isinstance(value, _TYPES[name][0]) for name in names)


def _describe(names: tuple[str, ...]) -> str:
    return " or ".join(_TYPES[name][1] for name in names)


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _as_clause(message: str) -> str:
    """Turn a message of `inspect` into the end of a sentence."""
    if message == "too many positional arguments":
        return "takes only its first argument by position"
    return message.replace("missing a required argument:", "needs the argument")
