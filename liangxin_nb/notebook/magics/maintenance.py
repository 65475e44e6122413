"""`%liangxin doctor`, `export` and `import`: how things stand, and taking them elsewhere."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from ...config.settings import Settings
from ...errors import InvalidRequestError, LiangxinError
from .errors import session

if TYPE_CHECKING:
    from ...archive import Imported, Packed
    from ...session import Session

__all__ = ["Download", "doctor", "export", "import_"]


class Download:
    """An export as a cell shows it: what is in it, and a link to fetch it by."""

    def __init__(self, packed: Packed) -> None:
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


def export(here: Session, file: str) -> Download:
    """Packs everything; the link stands below the cell."""
    from ...archive import pack_all

    return Download(pack_all(here, _plain(file) or None, notebooks=True))


def import_(here: Session, file: str) -> Imported:
    """Takes an export in, and says what came."""
    from ...archive import take_all

    if not _plain(file):
        raise InvalidRequestError(
            "%liangxin import needs a file.", next_step="Write %liangxin import FILE.zip"
        )
    return take_all(here, _plain(file), notebooks=True)


def doctor() -> Any:
    """Prints the report, also where no session can be had; returns the reckoning."""
    from ...core.table import Table
    from ...diagnostics import checkup
    from ..widgets import frontend

    looks = frontend()
    try:
        here = session()
    except LiangxinError as error:
        print(checkup(_loaded(), frontend=looks, trouble=str(error)))  # noqa: T201 to be pasted
        return None
    called = _callback(here.settings)
    print(  # noqa: T201 plain text is what can be pasted
        checkup(here.settings, ledger=here.ledger.location or "", frontend=looks, callback=called)
    )
    rows = [(f.count, f.what, f.means, f.do) for f in here.audit()]
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
