"""The format of archives, and the reports of export and import."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..core.formatting import format_bytes, format_count, printable
from ..core.public import public

__all__ = [
    "FORMAT",
    "LEDGER",
    "MAX_EVENTS",
    "NOTEBOOKS",
    "READABLE",
    "RESULTS",
    "ExportReport",
    "ImportReport",
]

FORMAT = 2
#: Formats that can be imported.
READABLE = (1, FORMAT)
#: One JSON object per line: a header, then batches and jobs. Not a database file: rows are the
#: same for every database, and an untrusted file is never opened as a database.
LEDGER = "ledger.jsonl"
#: The number of events of a job: the writer leaves out earlier ones, and the reader rejects more.
MAX_EVENTS = 1000
RESULTS = "results"
NOTEBOOKS = "notebooks"


@public
@dataclass(frozen=True)
class ExportReport:
    """What was exported.

    Attributes:
        path: The zip file.
        jobs: The number of job records.
        results: The number of results with their files.
        notebooks: The number of notebooks.
        left_out: What was left out and why, one line each.
    """

    path: Path
    jobs: int
    results: int
    notebooks: int
    left_out: tuple[str, ...] = ()

    def __repr__(self) -> str:
        contents = f"{format_count(self.jobs, 'job')}, {format_count(self.results, 'result')}, "
        contents += format_count(self.notebooks, "notebook")
        size = format_bytes(self.path.stat().st_size) if self.path.exists() else "missing"
        lines = [f"{self.path.name}: {contents} · {size}", *_format_left_out(self.left_out)]
        return "\n".join(map(printable, lines))


@public
@dataclass(frozen=True)
class ImportReport:
    """What was imported.

    Attributes:
        jobs: The number of new job records.
        already_here: The number of job records that existed before.
        results: The number of new results.
        unfinished: The number of imported jobs that `resume` can collect.
        notebooks: The new notebook files.
        left_out: What was left out and why, one line each.
    """

    jobs: int = 0
    already_here: int = 0
    results: int = 0
    unfinished: int = 0
    notebooks: tuple[Path, ...] = ()
    left_out: tuple[str, ...] = ()

    def __repr__(self) -> str:
        text = f"{format_count(self.jobs, 'new job')} ({self.already_here} known), "
        text += f"{format_count(self.results, 'new result')}, "
        text += f"{format_count(len(self.notebooks), 'new notebook')}."
        if self.unfinished:
            text += f"\n{self.unfinished} unfinished: %liangxin resume collects them."
        return "\n".join([text, *_format_left_out(self.left_out)])


def _format_left_out(reasons: tuple[str, ...], limit: int = 10) -> list[str]:
    more = len(reasons) - limit
    shown = [printable(f"Left out: {reason}") for reason in reasons[:limit]]
    return [*shown, f"Left out: {more} more."] if more > 0 else shown
