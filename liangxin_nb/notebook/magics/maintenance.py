"""`%liangxin doctor`, `export_command` and `import`: how things stand, and taking them
elsewhere.
"""

from __future__ import annotations

import os
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from ...config.settings import Settings
from ...errors import InvalidRequestError, LiangxinError
from .execution import current_session

if TYPE_CHECKING:
    from ...archive import ExportReport, ImportReport
    from ...session import Session

__all__ = ["ExportLink", "doctor_command", "export_command", "import_command"]


class ExportLink:
    """An export as a cell shows it: what is in it, and a link to fetch it by."""

    def __init__(self, packed: ExportReport) -> None:
        self.packed = packed

    def __repr__(self) -> str:
        return f"{self.packed!r}\n{self.packed.path}"

    def _repr_html_(self) -> str:
        path = self.packed.path
        # Beside the notebook, as the front end looks for it; so the folder must be below it.
        near = Path(os.path.relpath(path)).as_posix()
        lines = "<br>".join(map(escape, repr(self.packed).splitlines()))
        if near.startswith(".."):
            return f"<div>{lines}<br>{escape(str(path))}</div>"
        link = f'<a href="{escape(quote(near), quote=True)}" download>Download {escape(near)}</a>'
        return f"<div>{lines}<br>{link}</div>"


def export_command(session: Session, file: str) -> ExportLink:
    """Packs everything; the link stands below the cell."""
    from ...archive import export_session

    return ExportLink(export_session(session, _plain(file) or None, notebooks=True))


def import_command(session: Session, file: str) -> ImportReport:
    """Takes an export in, and says what came."""
    from ...archive import import_session

    if not _plain(file):
        raise InvalidRequestError(
            "%liangxin import needs a file.", next_step="Write %liangxin import FILE.zip"
        )
    return import_session(session, _plain(file), notebooks=True)


def doctor_command() -> Any:
    """Prints the report, also where no session can be had; returns the reckoning."""
    from ...core.table import Table
    from ...diagnostics import report
    from ..widgets import frontend

    looks = frontend()
    try:
        session = current_session()
    except LiangxinError as error:
        print(report(_loaded(), frontend=looks, trouble=str(error)))  # noqa: T201 to be pasted
        return None
    called = _callback(session.settings)
    print(  # noqa: T201 plain text is what can be pasted
        report(
            session.settings, ledger=session.ledger.location or "", frontend=looks, callback=called
        )
    )
    rows = [(f.count, f.label, f.meaning, f.next_step) for f in session.audit()]
    return Table(("tickets", "are", "that is", "what to do"), rows, "Nothing was asked for yet.")


def _loaded() -> Settings | None:
    try:
        return Settings.load()
    except LiangxinError:
        return None


def _callback(settings: Settings) -> str:
    if settings.callback != "auto":
        return f"to {urlsplit(settings.callback).hostname}" if settings.callback else ""
    from ...callbacks import CallbackChannel

    try:
        line = CallbackChannel(local=settings.local, patience=settings.patience)
        return f"auto, at {urlsplit(line.address('auto')).netloc}"
    except LiangxinError as error:
        return f"auto, but: {error.message}"


def _plain(file: str) -> str:
    return file.strip().strip("\"'")
