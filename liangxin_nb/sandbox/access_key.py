"""The key of a sandbox, and the proof that a process has it."""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

from ..config.private_files import (
    create_folder,
    default_folder,
    is_private_file,
    private_opener,
    replace_file,
)
from ..config.schema import read_variable

__all__ = ["prove", "sandbox_key"]

_FILE = "key"
_FORMAT = re.compile(r"sandbox-[0-9a-f]{48}")


def sandbox_key(state: Path | None = None) -> str:
    """Return the Bearer key of a sandbox: LIANGXIN_SANDBOX_KEY, or a random one.

    Args:
        state: The state folder, which holds the random key in a file that only this user can
            read; None for a new key.

    Raises:
        InvalidRequestError: If LIANGXIN_SANDBOX_KEY cannot be a key.
        OSError: If the file cannot be written, or is not private.
    """
    if configured := read_variable("sandbox_key"):
        return str(configured.reveal())
    new_key = f"sandbox-{secrets.token_hex(24)}"
    if state is None:
        return new_key
    # On file systems without permissions (a drive of Windows in WSL, a network disk) no file is
    # private. The folder for files until the restart is on a local disk.
    digest = hashlib.sha256(os.fsencode(state.absolute())).hexdigest()[:16]
    for file in (state / _FILE, default_folder() / f"sandbox-{digest}"):
        if key := _read(file):
            return key
        create_folder(file.parent)
        replace_file(file, new_key)
        if key := _read(file):  # that of another process, if it wrote at the same time
            return key
    raise OSError(errno.EACCES, "its key cannot be private there: set LIANGXIN_SANDBOX_KEY")


def _read(path: Path) -> str:
    """Return the key in a file, empty if another user could have written or read it."""
    try:
        # Opening a named pipe without O_NONBLOCK would wait for a writer.
        descriptor = private_opener(str(path), os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        text = file.read(100).decode("ascii", "replace") if is_private_file(descriptor) else ""
    return text if _FORMAT.fullmatch(text) else ""


def prove(key: str, port: int, nonce: str) -> str:
    """Return the proof that a process on a port has the key, which does not reveal the key.

    A process cannot pass on the proof of a sandbox on another port.

    Args:
        key: The key of the sandbox.
        port: The port on which it listens.
        nonce: Random text of the process that asks.
    """
    return hmac.digest(key.encode(), f"sandbox:{port}:{nonce}".encode(), "sha256").hex()
