"""Archives: a session's jobs, results and notebooks in one zip file, to move or to back up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..config.values import absolute_path
from ..session import BaseSession
from .format import ExportReport, ImportReport
from .importer import import_zip
from .writer import write_archive

__all__ = ["ExportReport", "ImportReport", "export_session", "import_session"]


def export_session(
    session: BaseSession,
    path: str | Path | None,
    *,
    notebooks: bool,
    job_ids: Sequence[str] | None = None,
) -> ExportReport:
    """Write a session's ledger, results and notebooks, or chosen jobs, into one zip file.

    Jobs may run meanwhile. The API key is never exported: a file that contains it is left out.

    Args:
        session: The session.
        path: A new file, or a folder for a file with today's date in its name. Default: the
            working folder.
        notebooks: Whether to include the notebooks next to the results folder and in the working
            folder, as they were last saved.
        job_ids: The jobs to export; default all.

    Returns:
        What was exported, and what was left out and why.

    Raises:
        InvalidRequestError: If the file exists or cannot be written.
    """
    return write_archive(
        session.ledger,
        session.results,
        Path() if path is None else Path(path),
        notebooks=_notebooks(session) if notebooks else (),
        job_ids=job_ids,
    )


def import_session(
    session: BaseSession, path: str | Path, *, notebooks: bool, trust: bool = False
) -> ImportReport:
    """Import an archive into a session; nothing is overwritten.

    Args:
        session: The session.
        path: The zip file.
        notebooks: Whether to import the notebooks, into the parent of the results folder.
        trust: Whether the archive is the user's own: then `reuse` returns its results.

    Returns:
        What was imported, and what was left out and why.

    Raises:
        InvalidRequestError: If the file is not a valid archive. Nothing has been changed.
    """
    folder = session.results.root.parent if notebooks else None
    return import_zip(Path(path), session.ledger, session.results, folder, trust=trust)


def _notebooks(session: BaseSession) -> list[Path]:
    """Return the notebooks next to the results folder and in the working folder."""
    folders = dict.fromkeys([session.results.root.parent, absolute_path(Path())])
    return [file for folder in folders for file in sorted(folder.glob("[!.]*.ipynb"))]
