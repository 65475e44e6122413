"""What all of it agrees on: the path, and what a capability looks like."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

__all__ = ["LARGEST", "PATTERN", "capability", "digest", "folder", "place"]

#: Bytes of one call's body at most.
LARGEST = 256 << 10
#: Below a server's base address; the last part is the capability.
PATTERN = r"liangxin/callback/([A-Za-z0-9_-]{32,100})"


def capability() -> str:
    """A fresh word that nobody can guess: 43 characters that a URL can hold, 256 bits."""
    return secrets.token_urlsafe(32)


def digest(word: str) -> str:
    """What is kept of a capability or a signature instead of the word itself."""
    return hashlib.sha256(word.encode()).hexdigest()


def place(base: str, word: str) -> str:
    """The URL that a capability makes below a server's base address."""
    return f"{base.rstrip('/')}/liangxin/callback/{word}"


def folder() -> Path:
    """Where the mailbox lies: LIANGXIN_CALLBACKS, else in Jupyter's runtime folder."""
    if wish := os.environ.get("LIANGXIN_CALLBACKS", "").strip():
        return Path(wish).expanduser().absolute()
    from jupyter_core.paths import jupyter_runtime_dir

    return Path(jupyter_runtime_dir()) / "liangxin"
