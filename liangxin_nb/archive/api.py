"""What users call to take everything away, and to take it in at home."""

from __future__ import annotations

import warnings
from pathlib import Path

from ..session import Session
from ..session.default import get_session
from .format import ImportReport
from .session_transfer import export_session, import_session

__all__ = ["export_archive", "import_archive"]


def export_archive(
    path: str | Path | None = None, *, notebooks: bool = True, session: Session | None = None
) -> Path:
    """Packs everything that was made here into one zip, and returns its path.

    In it are the results, the ledger and, unless `notebooks=False`, the notebooks beside them as
    they were last saved; never the key (a file that holds it is left out, with a warning).
    `path`: a new file, or a folder for one with today's name, default the working folder.
    `session`: default the one that cells use. Tasks may go on meanwhile. Raises
    `InvalidRequestError` when the file is there or cannot be written.

        path = lx.export_archive()
        path = lx.export_archive("tonight.zip", notebooks=False)
    """
    packed = export_session(session or get_session(), path, notebooks=notebooks)
    for reason in packed.left_out:
        warnings.warn(f"Left out: {reason}", stacklevel=2)
    return packed.path


def import_archive(
    path: str | Path, *, notebooks: bool = True, session: Session | None = None
) -> ImportReport:
    """Takes in what `export_archive` has packed, here or on another machine, and says what came.

    `path`: the zip; `session`: default the one that cells use. Nothing that is here is
    overwritten, and a second time changes nothing. Unfinished tasks of the same service can then
    be collected with `resume`. Notebooks come beside the results' folder, unless
    `notebooks=False`. Raises `InvalidRequestError` for what is no sound export.

        lx.import_archive("liangxin-2026-11-22-0105.zip")
        lx.resume()
    """
    return import_session(session or get_session(), path, notebooks=notebooks)
