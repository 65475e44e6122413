"""What all of it agrees on: the path, and what a capability looks like."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

__all__ = ["MAX_BODY_BYTES", "PATTERN", "callback_url", "digest", "folder", "new_token"]

#: Bytes of one call's body at most.
MAX_BODY_BYTES = 256 << 10
#: Below a server's base address; the last part is the capability.
PATTERN = r"liangxin/callback/([A-Za-z0-9_-]{32,100})"


def new_token() -> str:
    """A fresh word that no one can guess: 43 characters that a URL can hold, 256 bits."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """What is kept of a capability or a signature instead of the word itself."""
    return hashlib.sha256(token.encode()).hexdigest()


def callback_url(base: str, token: str) -> str:
    """The URL that a capability makes below a server's base address."""
    return f"{base.rstrip('/')}/liangxin/callback/{token}"


def folder() -> Path:
    """Where the mailbox lies: LIANGXIN_CALLBACKS, else in Jupyter's runtime folder."""
    if wish := os.environ.get("LIANGXIN_CALLBACKS", "").strip():
        return Path(wish).expanduser().absolute()
    from jupyter_core.paths import jupyter_runtime_dir

    return Path(jupyter_runtime_dir()) / "liangxin"
