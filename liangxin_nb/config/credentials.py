"""Where a key may come from, in order, and what one looks like."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["API_KEY_VAR", "find_api_key", "looks_like_key"]

API_KEY_VAR = "LIANGXIN_API_KEY"
#: Long words without a pause, as keys are: sk-…, 32 hex digits, or a value after key=.
_SHAPES = r"sk-[\w-]{12,}|[0-9a-f]{32}|(?i:api_?key|key|token)[=:]\s*\S{8,}"
_KEY_PATTERN = rf"(?:^|[\s=:'\"])(?:{_SHAPES})(?:$|[\s'\"])"


def find_api_key(env: Mapping[str, str] = os.environ) -> str:
    """The key, or an empty text: environment, Colab's and Kaggle's secrets, the system's keyring.

    A place that is missing, locked or broken is passed over: none of them may stop a notebook.
    """
    if key := env.get(API_KEY_VAR, "").strip():
        return key
    for place in (_colab, _kaggle, _keyring):
        try:
            key = (place() or "").strip()
        except Exception:  # noqa: S112 each raises kinds of its own, and asking must be safe
            continue
        if key:
            return key
    return ""


def looks_like_key(text: str) -> bool:
    """Whether a line holds something that looks like a key."""
    return re.search(_KEY_PATTERN, text) is not None


def _colab() -> str | None:
    return _read_secret("google.colab.userdata", lambda room: room.get(API_KEY_VAR))


def _kaggle() -> str | None:
    return _read_secret(
        "kaggle_secrets",
        lambda room: room.UserSecretsClient().get_secret(API_KEY_VAR),
    )


def _keyring() -> str | None:
    return _read_secret("keyring", lambda room: room.get_password("liangxin_nb", API_KEY_VAR))


def _read_secret(name: str, ask: Callable[[Any], str | None]) -> str | None:
    """What a library says, where it is installed."""
    try:
        room = import_module(name)
    except ImportError:
        return None
    return ask(room)
