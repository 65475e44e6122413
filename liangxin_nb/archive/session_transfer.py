"""A session's things, packed to be taken away, and taken in again."""

from __future__ import annotations

import os
from pathlib import Path

from ..config.credentials import API_KEY_VAR
from ..session import Session
from .format import Imported, Packed
from .importer import unpack
from .writer import pack

__all__ = ["pack_all", "take_all"]


def pack_all(session: Session, path: str | Path | None, *, notebooks: bool) -> Packed:
    """Packs a session's ledger and results, and the notebooks beside them; see `pack`.

    `path`: default a new file of today's name in the working folder, where the file browser shows
    it. Raises `InvalidRequestError`.
    """
    place = Path.cwd() if path is None else Path(path)
    key = session.settings.key
    names = (API_KEY_VAR, "LIANGXIN_WEBHOOK_KEY", "LIANGXIN_SANDBOX_KEY")
    secrets = [key.reveal() if key else "", *(os.environ.get(name, "").strip() for name in names)]
    files = _notebooks(session) if notebooks else ()
    return pack(session.ledger, session.results, place, files, secrets)


def take_all(session: Session, path: str | Path, *, notebooks: bool) -> Imported:
    """Takes an export into a session's ledger and results; see `unpack`.

    Notebooks come into the folder of the results' folder. Raises `InvalidRequestError`.
    """
    folder = session.results.root.parent if notebooks else None
    return unpack(Path(path), session.ledger, session.results, folder)


def _notebooks(session: Session) -> list[Path]:
    """The notebooks beside the results, and those where the kernel works."""
    folders = dict.fromkeys([session.results.root.parent, Path.cwd()])
    return [file for folder in folders for file in sorted(folder.glob("[!.]*.ipynb"))]
