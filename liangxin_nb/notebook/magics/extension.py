"""Loading and unloading the IPython extension: magics, completion and configuration."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

from ...config.environment import ephemeral_notice
from ...config.settings import Settings
from ...core.job_record import RESUMABLE, RETENTION_S, unconfirmed_notice, unsent_notice
from ...core.printing import print_text
from ...notebook_files.key_registry import register_keys
from ..key_notices import stop_watching, watch_for_notices
from .cell_magic import liangxin_cell
from .completion import matcher
from .configuration import LiangXin
from .execution import short_interrupts
from .line_magic import COMMANDS, liangxin_line
from .options import asks_for_help

__all__ = ["count_resumable", "find_unsettled", "is_damaged", "load", "unload"]

_ONE_LINE = re.compile(r"\s*%%liangxin(?:[ \t]+([^\n]*))?\s*")


def load(shell: Any) -> None:
    """Register magics, completion and configuration, and print which service is in use."""
    with (
        short_interrupts()
    ):  # first: a cell must not run without a limit that is misspelt in a file
        config = LiangXin.instance(config=shell.config)
    shell.register_magic_function(liangxin_cell, "cell", "liangxin")
    shell.register_magic_function(liangxin_line, "line", "liangxin")
    if config not in shell.configurables:
        shell.configurables.append(config)
    if _complete_cell not in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.append(_complete_cell)
    _register_completion(shell)
    watch_for_notices(shell)
    if is_notebook := hasattr(shell, "kernel"):
        register_keys()  # before a setting may be found unusable
    with short_interrupts():
        settings = Settings.load()
        print_text(_greeting(settings))  # users must know which service is in use
    if is_notebook:
        register_keys([settings.key])


def unload(shell: Any) -> None:
    """Remove everything that `load` registered; tasks that are followed continue."""
    stop_watching(shell)
    for kind in ("cell", "line"):
        shell.magics_manager.magics[kind].pop("liangxin", None)
    shell.configurables[:] = [c for c in shell.configurables if not isinstance(c, LiangXin)]
    for registered in (
        shell.input_transformers_cleanup,
        getattr(shell.Completer, "custom_matchers", []),
    ):
        registered[:] = [f for f in registered if f not in (_complete_cell, matcher)]


def _register_completion(shell: Any) -> None:
    """Add the matcher to the completer of IPython 8.6 or later."""
    try:
        from IPython.core.completer import context_matcher
    except ImportError:
        return
    if matcher not in shell.Completer.custom_matchers:
        shell.Completer.custom_matchers.append(context_matcher()(matcher))


def _complete_cell(lines: list[str]) -> list[str]:
    """Let a ``%%liangxin`` line without a body reach the magic: IPython rejects it otherwise.

    A command of ``%liangxin`` that is written with two percent signs runs as what it is.
    """
    match = _ONE_LINE.fullmatch("".join(lines))
    if match is None:
        return lines
    line = (match[1] or "").strip()
    if asks_for_help(line):
        return ["%liangxin help\n"]
    first_word = line.partition(" ")[0]
    if first_word in COMMANDS and first_word != "batch":
        return [f"%liangxin {line}\n"]
    return [f"%%liangxin {line}\n", "\n"]


#: IPython then transforms only the cells that it runs. A terminal must not take the line for a
#: complete cell: its user writes the prompt on the next one.
_complete_cell.has_side_effects = True  # type: ignore[attr-defined]


def _greeting(settings: Settings) -> str:
    """Return the text that loading prints."""
    service = f"{settings.profile} at {settings.host}. Tasks may be billed."
    if settings.profile == "sandbox":
        service = "sandbox. Pictures are drawn on this machine; no model, no key, no cost."
    ledger = Path(settings.ledger_location)
    if is_damaged(ledger):
        service += "\nThe ledger is damaged: %liangxin doctor --rebuild."
    unsettled = find_unsettled(ledger, settings.results)
    resumable = count_resumable(ledger) + unsettled.journaled
    unfinished = f"\n{resumable} unfinished: %liangxin resume collects them." if resumable else ""
    for notice in (unconfirmed_notice(unsettled.unconfirmed), unsent_notice(unsettled.batches)):
        unfinished += f"\n{notice}" if notice else ""
    notice = ephemeral_notice()
    return f"liangxin_nb: {service}{unfinished}" + (f"\nThis is {notice}" if notice else "")


def count_resumable(ledger: Path) -> int:
    """Count what `Ledger.collectable` returns, without importing SQLAlchemy.

    Returns:
        The number of tasks that can be collected; 0 if the file is missing or unreadable.
    """
    # The second query reads a ledger of an older version, which is migrated when it is opened.
    queries: list[tuple[str, tuple[str | float, ...]]] = [
        (
            "SELECT count(*) FROM jobs WHERE task_id != '' AND (status IN (?, ?) OR created_at >= ?"
            " AND (status = 'result_lost' OR status = 'saved' AND reason != ''))",
            (*RESUMABLE, time.time() - RETENTION_S),
        ),
        (
            "SELECT count(*) FROM tickets WHERE task_id != '' AND fate IN (?, ?)",
            ("accepted", "succeeded"),
        ),
    ]
    for query, parameters in queries:
        if rows := _read(ledger, query, *parameters):
            return int(rows[0][0])
    return 0


class Unsettled(NamedTuple):
    """Requests of a ledger file without an answer in it, whose process has ended.

    Attributes:
        unconfirmed: How many may have been billed; requests whose answer was lost are included.
        journaled: How many have a task id in the journal beside the ledger.
        batches: The ids of batches with requests that were not sent.
    """

    unconfirmed: int = 0
    journaled: int = 0
    batches: Sequence[str] = ()


def find_unsettled(ledger: Path, results: Path) -> Unsettled:
    """Find what no session sends or waits for any more, without importing SQLAlchemy.

    Returns:
        The requests; none if the file is missing or unreadable.
    """
    query = "SELECT status, id, owner, batch_id FROM jobs WHERE status IN (?, ?, ?)"
    rows = _read(ledger, query, "unconfirmed", "submitting", "pending")
    unconfirmed = sum(status == "unconfirmed" for status, *_ in rows)
    if unconfirmed == len(rows):
        return Unsettled(unconfirmed)
    from ...engine.journal import Journal  # only then: loading the extension stays fast
    from ...engine.ownership import is_alive

    owners = {owner for status, _, owner, _ in rows if status != "unconfirmed"}
    ended = {owner for owner in owners if not is_alive(results / ".owners", owner)}
    sent = {id_ for status, id_, owner, _ in rows if status == "submitting" and owner in ended}
    journaled = len(sent & {row.job.id for row in Journal(results, str(ledger)).rows()})
    batches = {batch for status, _, owner, batch in rows if status == "pending" and owner in ended}
    return Unsettled(unconfirmed + len(sent) - journaled, journaled, sorted(batches - {""}))


def is_damaged(ledger: Path) -> bool:
    """Return whether a ledger cannot be read, or is empty although results are beside it."""
    if not ledger.is_file():
        return False
    if ledger.stat().st_size == 0:
        return any(ledger.parent.glob("????-??-??/*/metadata.json"))
    import sqlite3

    try:
        _query(ledger, "SELECT count(*) FROM jobs NOT INDEXED")  # reads the pages of the table
    except sqlite3.OperationalError:  # it is locked, or of another program
        return False
    except sqlite3.DatabaseError:
        return True
    return False


def _read(ledger: Path, query: str, *parameters: str | float) -> list[Any]:
    """Return the rows of a query without importing SQLAlchemy; none if that is impossible."""
    if not ledger.is_file():
        return []
    import sqlite3  # only if there is a ledger: loading the extension stays fast

    with suppress(sqlite3.Error):
        return _query(ledger, query, *parameters)
    return []


def _query(ledger: Path, query: str, *parameters: str | float) -> list[Any]:
    import sqlite3

    uri = f"{ledger.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=1.0)) as db:
        return db.execute(query, parameters).fetchall()
