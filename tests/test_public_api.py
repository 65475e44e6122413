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
def test_the_docstring_of_a_function_names_each_argument(name):
    text = inspect.getdoc(getattr(lx, name))
    assert len(text.split()) >= 8
    assert unnamed(getattr(lx, name), text) == []


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_and_everything_public_on_it_have_docstrings(name):
    kind = getattr(lx, name)
    text = inspect.getdoc(kind)
    assert len(text.split()) >= 3
    public = {n: v for n, v in vars(kind).items() if not n.startswith("_")}
    for member, value in public.items():
        if inspect.isfunction(value):
            own = inspect.getdoc(value)
            assert own, f"{name}.{member} has no docstring"
            assert unnamed(value, own + text) == [], f"{name}.{member}"
        elif isinstance(value, property):
            assert inspect.getdoc(value), f"{name}.{member} has no docstring"
