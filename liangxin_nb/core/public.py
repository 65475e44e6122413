"""Decorators of what users receive and call."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from ..errors import InvalidRequestError
from .printing import encodable

__all__ = ["explain_wrong_calls", "public"]

_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T")


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

        @functools.wraps(function)
        def checked(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            try:
                signature.bind(*args, **kwargs)
            except TypeError as error:
                raise InvalidRequestError(
                    f"{function.__name__}() {_as_clause(str(error))}; nothing was sent.",
                    next_step=f"Write {example}.",
                ) from None
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


def _as_clause(message: str) -> str:
    """Turn a message of `inspect` into the end of a sentence."""
    if message == "too many positional arguments":
        return "takes only its first argument by position"
    return message.replace("missing a required argument:", "needs the argument")
