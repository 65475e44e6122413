"""What an export looks like, and what is told about one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..core.public import public

__all__ = [
    "FORMAT",
    "LEDGER",
    "MAX_NOTEBOOK_BYTES",
    "NOTEBOOKS",
    "READABLE",
    "RESULTS",
    "ExportReport",
    "ImportReport",
]

FORMAT = 2
#: Formats that can be imported.
READABLE = (1, FORMAT)
#: One JSON object a line: the first says what it is, each other one is a job record. Rows and no
#: database file: the same for every kind of ledger, and a stranger's file is never opened as one.
LEDGER = "ledger.jsonl"
RESULTS = "results"
NOTEBOOKS = "notebooks"
MAX_NOTEBOOK_BYTES = 64 * 1024 * 1024


@public
@dataclass(frozen=True)
class ExportReport:
    """An export: the zip, how much is in it, and what was left out and why."""

    path: Path
    jobs: int
    results: int
    notebooks: int
    left_out: tuple[str, ...] = ()

    def __repr__(self) -> str:
        held = f"{_count_of(self.jobs, 'ticket')}, {_count_of(self.results, 'result')}, "
        held += _count_of(self.notebooks, "notebook")
        size = _format_size(self.path.stat().st_size) if self.path.exists() else "gone"
        return "\n".join([f"{self.path.name}: {held} · {size}", *_format_left_out(self.left_out)])


@public
@dataclass(frozen=True)
class ImportReport:
    """What an import brought: job records and results that are new here, and what was left out.

    `already_here`: records that were here already; `unfinished`: those of the zip that `resume` can
    collect; `notebooks`: the files as they are called here.
    """

    jobs: int = 0
    already_here: int = 0
    results: int = 0
    unfinished: int = 0
    notebooks: tuple[Path, ...] = ()
    left_out: tuple[str, ...] = ()

    def __repr__(self) -> str:
        said = f"{_count_of(self.jobs, 'new ticket')} ({self.already_here} known), "
        said += (
            f"{_count_of(self.results, 'new result')}, "
            f"{_count_of(len(self.notebooks), 'new notebook')}."
        )
        if self.unfinished:
            said += f"\n{self.unfinished} unfinished: %liangxin resume collects them."
        return "\n".join([said, *_format_left_out(self.left_out)])


def _count_of(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _format_left_out(reasons: tuple[str, ...], limit: int = 10) -> list[str]:
    more = len(reasons) - limit
    shown = [f"Left out: {reason}" for reason in reasons[:limit]]
    return [*shown, f"Left out: {more} more."] if more > 0 else shown


def _format_size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.0f} kB"
