"""What an export looks like, and what is told about one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["FORMAT", "LEDGER", "MOST_NOTEBOOK", "NOTEBOOKS", "RESULTS", "Imported", "Packed"]

FORMAT = 1
#: One JSON object a line: the first says what it is, each other one is a ticket. Rows and no
#: database file: the same for every kind of ledger, and a stranger's file is never opened as one.
LEDGER = "ledger.jsonl"
RESULTS = "results"
NOTEBOOKS = "notebooks"
MOST_NOTEBOOK = 64 * 1024 * 1024


@dataclass(frozen=True)
class Packed:
    """An export: the zip, how much is in it, and what was left out and why."""

    path: Path
    tickets: int
    results: int
    notebooks: int
    left_out: tuple[str, ...] = ()

    def __repr__(self) -> str:
        held = f"{_n(self.tickets, 'ticket')}, {_n(self.results, 'result')}, "
        held += _n(self.notebooks, "notebook")
        size = _size(self.path.stat().st_size) if self.path.exists() else "gone"
        return "\n".join([f"{self.path.name}: {held} · {size}", *_left(self.left_out)])


@dataclass(frozen=True)
class Imported:
    """What an import brought: tickets and results that are new here, and what was left out.

    `known`: tickets that were here already; `unfinished`: those of the zip that `resume` can
    collect; `notebooks`: the files as they are called here.
    """

    tickets: int = 0
    known: int = 0
    results: int = 0
    unfinished: int = 0
    notebooks: tuple[Path, ...] = ()
    left_out: tuple[str, ...] = ()

    def __repr__(self) -> str:
        said = f"{_n(self.tickets, 'new ticket')} ({self.known} known), "
        said += f"{_n(self.results, 'new result')}, {_n(len(self.notebooks), 'new notebook')}."
        if self.unfinished:
            said += f"\n{self.unfinished} unfinished: %liangxin resume collects them."
        return "\n".join([said, *_left(self.left_out)])


def _n(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _left(reasons: tuple[str, ...], most: int = 10) -> list[str]:
    more = len(reasons) - most
    shown = [f"Left out: {reason}" for reason in reasons[:most]]
    return [*shown, f"Left out: {more} more."] if more > 0 else shown


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.0f} kB"
