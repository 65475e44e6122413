"""A session's things, packed to be taken away, and taken in again."""

from __future__ import annotations

import os
from pathlib import Path

from ..config.credentials import API_KEY_VAR
from ..session import Session
from .format import ExportReport, ImportReport
from .importer import import_zip
from .writer import write_zip

__all__ = ["export_session", "import_session"]


def export_session(session: Session, path: str | Path | None, *, notebooks: bool) -> ExportReport:
    """Packs a session's ledger and results, and the notebooks beside them; see `write_zip`.

    `path`: default a new file of today's name in the working folder, where the file browser shows
    it. Raises `InvalidRequestError`.
    """
    place = Path.cwd() if path is None else Path(path)
    key = session.settings.key
    names = (API_KEY_VAR, "LIANGXIN_WEBHOOK_KEY", "LIANGXIN_SANDBOX_KEY")
    secrets = [key.reveal() if key else "", *(os.environ.get(name, "").strip() for name in names)]
    files = _notebooks(session) if notebooks else ()
    return write_zip(session.ledger, session.results, place, files, secrets)


def import_session(session: Session, path: str | Path, *, notebooks: bool) -> ImportReport:
    """Takes an export into a session's ledger and results; see `import_zip`.

    Notebooks come into the folder of the results' folder. Raises `InvalidRequestError`.
    """
    folder = session.results.root.parent if notebooks else None
    return import_zip(Path(path), session.ledger, session.results, folder)


def _notebooks(session: Session) -> list[Path]:
    """The notebooks beside the results, and those where the kernel works."""
    folders = dict.fromkeys([session.results.root.parent, Path.cwd()])
    return [file for folder in folders for file in sorted(folder.glob("[!.]*.ipynb"))]
