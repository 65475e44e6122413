"""`%liangxin doctor`, `%liangxin export`, `%liangxin import` and `%liangxin heal`."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from ...config.settings import Settings
from ...core.formatting import printable
from ...core.next_step import describe_unconfirmed
from ...core.printing import print_text
from ...core.table import Table
from ...errors import InvalidRequestError, LedgerError, LiangxinError
from .execution import current_session

if TYPE_CHECKING:
    from ...archive import ExportReport, ImportReport
    from ...session import BaseSession

__all__ = [
    "ExportLink", "doctor_command", "estimate_command", "export_command", "heal_command",
    "import_command",
]  # fmt: skip

_DAMAGED = "the ledger is damaged: %liangxin doctor --rebuild sets it aside and rebuilds it"


class ExportLink:
    """The output of an export: a summary of its contents and a download link."""

    def __init__(self, report: ExportReport) -> None:
        self.report = report

    def __repr__(self) -> str:
        return f"{self.report!r}\n{printable(str(self.report.path))}"

    def _repr_html_(self) -> str:
        path = self.report.path
        # Front ends resolve links relative to the notebook; a file above it has no such link.
        relative = Path(os.path.relpath(path)).as_posix()
        lines = "<br>".join(map(escape, repr(self.report).splitlines()))
        if relative.startswith(".."):
            return f"<div>{lines}<br>{escape(str(path))}</div>"
        url = escape(quote(relative), quote=True)
        return f'<div>{lines}<br><a href="{url}" download>Download {escape(relative)}</a></div>'


def export_command(file: str) -> ExportLink:
    """Export results, ledger and notebooks to one ZIP file."""
    from ...archive import export_session

    return ExportLink(export_session(current_session(), file.strip("\"'") or None, notebooks=True))


def import_command(file: str) -> ImportReport:
    """Import an exported ZIP file and report what was added."""
    from ...archive import import_session

    words = file.split()
    trust = "--trust" in words[:1] + words[-1:]  # the name of a file may contain spaces
    path = file.strip().removeprefix("--trust").removesuffix("--trust").strip().strip("\"'")
    if not path or path.startswith("--"):
        raise InvalidRequestError(
            "%liangxin import needs a file.",
            next_step="Write %liangxin import FILE.zip; --trust if the archive is your own.",
        )
    return import_session(current_session(), path, notebooks=True, trust=trust)


def heal_command(line: str) -> Table:
    """Write the durable outputs of jobs into notebook files."""
    from ...core.command_line import split_line
    from ...notebook_files.heal_file import find_notebooks, heal_file, known_sources
    from ...notebook_files.registry import Registration

    words = split_line(line)
    names = [word for word in words if word != "--check"]
    if not names or any(name.startswith("-") for name in names):
        raise InvalidRequestError(
            "%liangxin heal needs a notebook file.",
            next_step="Write %liangxin heal FILE.ipynb; --check changes nothing.",
        )
    session = current_session()
    location = str(session.ledger.path or session.settings.ledger_location)
    own = Registration(location, str(session.settings.results), session.settings.output)
    lines: list[str] = []
    for path in find_notebooks(names):
        sources = [own, *known_sources(path.absolute().parent)]
        report = heal_file(path, sources, write="--check" not in words)
        lines += report.lines()
        if report.is_written:
            lines.append("If it is open in a page, reload it there: File > Reload Notebook.")
    return Table((), (), "\n".join(lines) or "Every output is durable; nothing was changed.")


def estimate_command(line: str) -> Table:
    """Say what a full run of a notebook file would submit; nothing is run or sent."""
    from .estimate import estimate_notebook

    name = line.strip("\"'") or os.environ.get("JPY_SESSION_NAME", "")
    if not line and not name.endswith(".ipynb"):
        raise InvalidRequestError(
            "This front end does not name its notebook file.",
            next_step="Write %liangxin estimate FILE.ipynb",
        )
    estimate = estimate_notebook(Path(name))
    print_text(estimate.text)  # the sum, above the table
    return estimate.table()


def doctor_command(arguments: str = "", session: BaseSession | None = None) -> Table | None:
    """Print a report that can be pasted, and return a table of all jobs by status.

    The report is printed even if no session can be created or the ledger is damaged; then nothing
    is returned.

    Args:
        arguments: ``--rebuild`` sets a damaged ledger aside and rebuilds it first.
        session: The session; default the one of this notebook.
    """
    if words := arguments.split():
        if words != ["--rebuild"]:
            raise InvalidRequestError(
                f"{arguments!r} is not an option of %liangxin doctor.",
                next_step="Write %liangxin doctor, or %liangxin doctor --rebuild.",
            )
        from ...diagnostics import rebuild

        print_text(rebuild(_settings(session)))  # one line above the report
    from ...diagnostics import report
    from ...ledger import is_healthy
    from ..widgets import frontend

    try:
        session = session or current_session()
        settings, path = session.settings, session.ledger.path
        is_damaged = path is not None and not is_healthy(path)
    except LiangxinError as error:
        text = report(
            _settings_or_none(), frontend=frontend(), trouble=str(error), notebooks=Path()
        )
        print_text(text)  # plain text can be pasted
        return None
    text = report(
        settings,
        ledger=session.ledger.location or "",
        frontend=frontend(),
        callback=_describe_callback(settings),
        trouble=_DAMAGED if is_damaged else "",
        notebooks=Path(),
    )
    print_text(text)  # plain text can be pasted
    if is_damaged:
        return None
    rows = [(row.count, row.label, row.meaning, row.next_step) for row in session.audit()]
    if unconfirmed := describe_unconfirmed(session.ledger.with_status("unconfirmed")):
        print_text(f"\n{unconfirmed}")  # plain text can be pasted
    return Table(("jobs", "status", "meaning", "next step"), rows, "No jobs yet.")


def _settings(session: BaseSession | None) -> Settings:
    """Return the settings of the session, also if its ledger cannot be opened."""
    try:
        session = session or current_session()
    except LedgerError:
        return Settings.load()
    session.ledger.close()  # Windows renames no open file
    return session.settings


def _settings_or_none() -> Settings | None:
    """Return the settings, or None if they are invalid."""
    try:
        return Settings.load()
    except LiangxinError:
        return None


def _describe_callback(settings: Settings) -> str:
    """Return where callbacks arrive, without the token in the URL."""
    if settings.callback != "auto":
        return f"to {urlsplit(settings.callback).hostname}" if settings.callback else ""
    from ...callbacks import CallbackChannel

    try:
        channel = CallbackChannel(local=settings.local, patience=settings.patience)
        return f"auto, at {urlsplit(channel.resolve_address('auto')).netloc}"
    except LiangxinError as error:
        return f"auto, but: {error.message}"
