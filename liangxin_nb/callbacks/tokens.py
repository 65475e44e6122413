"""Callback tokens, callback URLs and the folder of the hint store."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

from ..config.schema import read_variable

__all__ = ["MAX_BODY_BYTES", "PATTERN", "callback_url", "digest", "folder", "new_token"]

#: The maximum size of a request body, in bytes.
MAX_BODY_BYTES = 256 << 10
#: The path below a server's base address; the last part is the callback token.
PATTERN = r"liangxin/callback/([A-Za-z0-9_-]{32,100})"


def new_token() -> str:
    """Return a random token of 256 bits: 43 characters that are valid in a URL."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """Return the digest that is stored instead of a token or a signature."""
    return hashlib.sha256(token.encode()).hexdigest()


def callback_url(base: str, token: str) -> str:
    """Build the callback URL of a token below a server's base address."""
    return f"{base.rstrip('/')}/liangxin/callback/{token}"


def folder() -> Path:
    """Return the folder of the hint store: LIANGXIN_CALLBACKS, or in Jupyter's runtime folder."""
    if configured := read_variable("callbacks"):
        return Path(configured)
    from jupyter_core.paths import jupyter_runtime_dir

    return Path(jupyter_runtime_dir()) / "liangxin"
