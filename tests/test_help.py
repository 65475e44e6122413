"""`help(lx.X)` is enough to use X."""

import inspect
import re

import pytest

import liangxin_nb as lx

FUNCTIONS = [n for n in lx.__all__ if inspect.isfunction(getattr(lx, n))]
CLASSES = [n for n in lx.__all__ if inspect.isclass(getattr(lx, n))]


def unnamed(function, text):
    """The arguments that a text does not name, in the singular or the plural."""
    names = [n for n in inspect.signature(function).parameters if n not in ("self", "cls")]
    return [n for n in names if not re.search(rf"\b{n.rstrip('s')}", text)]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_says_what_each_argument_is(name):
    text = inspect.getdoc(getattr(lx, name))
    assert len(text.split()) >= 8
    assert unnamed(getattr(lx, name), text) == []


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_says_what_it_is_and_so_does_everything_public_on_it(name):
    kind = getattr(lx, name)
    text = inspect.getdoc(kind)
    assert len(text.split()) >= 3
    public = {n: v for n, v in vars(kind).items() if not n.startswith("_")}
    for member, value in public.items():
        if inspect.isfunction(value):
            told = inspect.getdoc(value)
            assert told, f"{name}.{member} says nothing"
            assert unnamed(value, told + text) == [], f"{name}.{member}"
        elif isinstance(value, property):
            assert inspect.getdoc(value), f"{name}.{member} says nothing"
