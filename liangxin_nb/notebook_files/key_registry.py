"""Digests of the keys in use, which kernels write and Jupyter's server reads."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import msgspec

from ..config.key_digests import KeyMatcher, digest_keys
from ..config.secret import Secret, forms_in_use
from .runtime_files import MAX_ENTRIES, newest_first, read_entry, runtime_folder, write_entry

__all__ = ["keys_here", "register_keys", "registered_keys"]

_FOLDER = "keys"
_MAX_BYTES = 256_000
_SALT_BYTES = 32


def register_keys(keys: Iterable[Secret | None] = ()) -> None:
    """Register keys, and those of the environment variables; errors are ignored.

    Args:
        keys: The keys of the session. Those of the sandbox, which change often, are not secret
            outside of this machine.
    """
    if not (forms := forms_in_use(filter(None, keys))):
        return
    entries = _read_entries()
    salt = bytes.fromhex(entries[0]["salt"]) if entries else secrets.token_bytes(_SALT_BYTES)
    text = msgspec.json.encode(digest_keys(salt, forms)).decode()
    name = f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.json"
    with suppress(OSError):  # notebooks can be saved without
        write_entry(runtime_folder(_FOLDER) / name, text)


def registered_keys() -> KeyMatcher:
    """Return what recognises the keys of all kernels of this user."""
    return KeyMatcher(_read_entries())


def keys_here() -> KeyMatcher:
    """Return what recognises the keys of this process and those of all kernels of this user."""
    return KeyMatcher([*_read_entries(), digest_keys(secrets.token_bytes(_SALT_BYTES))])


def _read_entries() -> list[dict[str, Any]]:
    """Return the content of all files that are not damaged, the last used ones first."""
    entries = []
    for _, path in newest_first(runtime_folder(_FOLDER))[:MAX_ENTRIES]:
        with suppress(msgspec.MsgspecError, UnicodeError, RecursionError):
            entry = msgspec.json.decode(read_entry(path, _MAX_BYTES))
            if KeyMatcher([entry]):
                entries.append(entry)
    return entries
