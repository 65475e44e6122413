"""Where the API key comes from."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from .secret import Secret

__all__ = ["API_KEY_VAR", "Secret", "find_api_key"]

API_KEY_VAR = "LIANGXIN_API_KEY"


def find_api_key(env: Mapping[str, str] = os.environ) -> Secret | None:
    """Return the API key from the environment, Colab's or Kaggle's secrets, or the keyring.

    A source that is missing, locked or broken is skipped, so that it cannot stop a notebook.

    Args:
        env: Environment variables.

    Returns:
        The key of the first source that has one.

    Raises:
        InvalidRequestError: If what the source has cannot be a key.
    """
    value: object = env.get(API_KEY_VAR, "")
    if str(value).strip():
        return Secret(value, API_KEY_VAR)
    for source, read in _SOURCES.items():
        try:
            value = read()
        except Exception:  # noqa: S112 each source raises its own kinds of errors
            continue
        if value and (not isinstance(value, str) or value.strip()):
            return Secret(value, source)
    return None


def _colab() -> str | None:
    return _read_secret("google.colab.userdata", lambda userdata: userdata.get(API_KEY_VAR))


def _kaggle() -> str | None:
    return _read_secret(
        "kaggle_secrets",
        lambda secrets: secrets.UserSecretsClient().get_secret(API_KEY_VAR),
    )


def _keyring() -> str | None:
    return _read_secret("keyring", lambda keyring: keyring.get_password("liangxin_nb", API_KEY_VAR))


_SOURCES: dict[str, Callable[[], str | None]] = {
    f"Colab's secret {API_KEY_VAR}": _colab,
    f"Kaggle's secret {API_KEY_VAR}": _kaggle,
    f"The keyring's entry liangxin_nb/{API_KEY_VAR}": _keyring,
}


def _read_secret(module_name: str, read: Callable[[Any], str | None]) -> str | None:
    """Call ``read`` with a module; return None if it is not installed."""
    try:
        module = import_module(module_name)
    except ImportError:
        return None
    return read(module)
