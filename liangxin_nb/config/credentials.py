"""API keys: where they come from, how they are held, and texts that contain one."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["API_KEY_VAR", "Secret", "find_api_key", "looks_like_key"]

API_KEY_VAR = "LIANGXIN_API_KEY"
#: Long words such as sk-…, 32 hex digits, or a value after key= or token=.
_KEY_FORMATS = r"sk-[\w-]{12,}|[0-9a-f]{32}|(?i:api_?key|key|token)[=:]\s*\S{8,}"
_KEY_PATTERN = rf"(?:^|[\s=:'\"])(?:{_KEY_FORMATS})(?:$|[\s'\"])"


class Secret:
    """An API key. Its text and repr are dots, and it cannot be pickled."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """Return the key itself, for the one header that contains it."""
        return self.__value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.reveal() == self.__value

    def __hash__(self) -> int:
        return hash(self.__value)

    def __repr__(self) -> str:
        return "••••••"

    __str__ = __repr__

    def __reduce__(self) -> Any:
        raise TypeError("An API key cannot be pickled.")


def find_api_key(env: Mapping[str, str] = os.environ) -> str:
    """Return the API key from the environment, Colab's or Kaggle's secrets, or the keyring.

    A source that is missing, locked or broken is skipped, so that it cannot stop a notebook.

    Args:
        env: Environment variables.

    Returns:
        The key of the first source that has one, or an empty text.
    """
    if key := env.get(API_KEY_VAR, "").strip():
        return key
    for source in (_colab, _kaggle, _keyring):
        try:
            key = (source() or "").strip()
        except Exception:  # noqa: S112 each source raises its own kinds of errors
            continue
        if key:
            return key
    return ""


def looks_like_key(text: str) -> bool:
    """Return whether a line contains something that looks like an API key.

    Args:
        text: The line.
    """
    return re.search(_KEY_PATTERN, text) is not None


def _colab() -> str | None:
    return _read_secret("google.colab.userdata", lambda userdata: userdata.get(API_KEY_VAR))


def _kaggle() -> str | None:
    return _read_secret(
        "kaggle_secrets",
        lambda secrets: secrets.UserSecretsClient().get_secret(API_KEY_VAR),
    )


def _keyring() -> str | None:
    return _read_secret("keyring", lambda keyring: keyring.get_password("liangxin_nb", API_KEY_VAR))


def _read_secret(module_name: str, read: Callable[[Any], str | None]) -> str | None:
    """Call ``read`` with a module; return None if it is not installed."""
    try:
        module = import_module(module_name)
    except ImportError:
        return None
    return read(module)
