"""The error tree: what every error has, and that each survives pickling."""

import copy
import inspect
import pickle

import pytest

import liangxin_nb as lx
from liangxin_nb import errors

CLASSES = [value for name in errors.__all__ if inspect.isclass(value := getattr(errors, name))]
#: Keyword arguments that only some of the classes have.
EXTRA = {
    lx.APIError: {"status": 429, "code": "433", "retry_after": 3.0},
    lx.APIConnectionError: {"maybe_created": True},
    lx.TaskFailedError: {"fail_code": "x"},
}


def make(error_class):
    """Create an error of this class with a value for every argument."""
    extra = next((v for base, v in EXTRA.items() if issubclass(error_class, base)), {})
    return error_class("It failed.", task_id="task_1", next_step="Try again.", **extra)


@pytest.mark.parametrize("error_class", CLASSES)
@pytest.mark.parametrize("duplicate", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_error_survives_pickling_and_copying(error_class, duplicate):
    error = make(error_class)
    error.add_note("a note")
    restored = duplicate(error)
    assert type(restored) is error_class
    assert (restored.args, vars(restored)) == (error.args, vars(error))
    assert str(restored) == "It failed. Try again."


@pytest.mark.parametrize("error_class", CLASSES)
def test_every_error_is_exported_from_the_root_and_has_the_common_attributes(error_class):
    assert getattr(lx, error_class.__name__) is error_class
    assert error_class.__module__ == "liangxin_nb"
    error = make(error_class)
    assert isinstance(error, lx.LiangxinError)
    assert (error.task_id, error.next_step) == ("task_1", "Try again.")
    assert isinstance(error.retryable, bool)


def test_builtin_base_classes_match_what_happened():
    assert issubclass(lx.InvalidRequestError, ValueError)
    assert issubclass(lx.WaitTimeoutError, TimeoutError)
