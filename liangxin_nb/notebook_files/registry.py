"""Where this user's kernels have their ledgers and results, for Jupyter's server.

Each combination is a small private file in Jupyter's runtime folder. It is used after the kernel
has ended, too: most notebooks are saved once more then.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from ..core.hidden import hide_secrets
from ..core.structs import prepare_structs
from .runtime_files import MAX_ENTRIES, newest_first, read_entry, runtime_folder, write_entry

__all__ = [
    "Registration",
    "digest",
    "is_digest",
    "last_registration",
    "register",
    "registered",
    "registry_folder",
]

_MAX_BYTES = 16_000
_DIGEST = "sha256:"
_Path = Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]


class Registration(msgspec.Struct, frozen=True):
    """A ledger and the folder of its results.

    Attributes:
        ledger: The absolute path of the file, or the URL of a database. Of a URL with a login the
            digest: it may contain a password.
        results: The absolute path of the results folder.
        output: The form of durable outputs.
    """

    ledger: _Path
    results: _Path
    output: Literal["figure", "image"] = "figure"


prepare_structs(Registration)


def registry_folder() -> Path:
    """Return the folder of the registrations, in Jupyter's runtime folder."""
    return runtime_folder("ledgers")


def register(
    location: str, results: Path, *, output: Literal["figure", "image"] = "figure"
) -> None:
    """Register a ledger of this process; remove registrations that were not used for a month.

    Args:
        location: The path or the URL of the ledger.
        results: The results folder.
        output: The form of durable outputs.

    Raises:
        OSError: If the folder cannot be written.
    """
    if "://" not in location:
        ledger = str(Path(location).absolute())
    else:
        ledger = location if hide_secrets(location) == location else digest(location)
    text = msgspec.json.encode(Registration(ledger, str(results), output)).decode()
    # Kernels with the same folders share a file; no file is ever changed.
    name = f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.json"
    write_entry(registry_folder() / name, text)


def registered() -> list[Registration]:
    """Return the registrations, the last used ones first.

    Damaged files, files that others can read or write, and those of a removed ledger are ignored.
    """
    files = newest_first(registry_folder())[:MAX_ENTRIES]
    return [entry for _, path in files if (entry := _read(path)) is not None]


def last_registration() -> float:
    """Return when a kernel has registered last, as Unix time in seconds; 0 if none has."""
    return next((used_at for used_at, _ in newest_first(registry_folder())), 0.0)


def digest(location: str) -> str:
    """Return what stands for the URL of a database that may contain a password."""
    return f"{_DIGEST}{hashlib.sha256(location.encode()).hexdigest()}"


def is_digest(ledger: str) -> bool:
    """Return whether a registered ledger is named by a digest only."""
    return ledger.startswith(_DIGEST)


def _read(path: Path) -> Registration | None:
    try:
        entry = msgspec.json.decode(read_entry(path, _MAX_BYTES), type=Registration)
    except (RecursionError, UnicodeError, msgspec.MsgspecError):
        return None
    is_ledger = "://" in entry.ledger or is_digest(entry.ledger)
    path, results = Path(entry.ledger), Path(entry.results)
    is_ledger = is_ledger or (path.is_absolute() and path.is_file())
    return entry if is_ledger and results.is_absolute() else None
