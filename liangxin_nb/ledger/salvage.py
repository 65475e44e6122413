"""Reading of a damaged ledger file, row by row."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from ..core.foreign_file import file_problem
from ..errors import LedgerError
from .batches import BatchRecord
from .ledger import Ledger
from .rows import EventRow, FileRow, JobRow, TransferRow, parse_line
from .transfer import export_rows

__all__ = ["is_healthy", "salvage"]

_FORMAT = 2
#: Row ids that are tried one after another without any row before the search ends.
_MAX_GAP = 10_000
_MIN_ROW_BYTES = 16


def is_healthy(path: Path) -> bool:
    """Return whether every page and every row of a ledger can be read; a missing one cannot.

    Raises:
        LedgerError: If that cannot be found out, for example because the ledger is newer.
    """
    try:
        if not path.is_file() or path.stat().st_size == 0:
            return False
        with closing(Ledger(path)) as ledger:
            with ledger.read_only() as db:
                if db.exec_driver_sql("PRAGMA integrity_check").scalar() != "ok":
                    return False
            ledger.list_jobs(limit=None)
            ledger.list_batches(limit=None)
            lines = [row.to_json() for row in export_rows(ledger)]
        return all(parse_line(line.encode(), _FORMAT) for line in lines)
    except OSError as error:
        raise LedgerError(
            f"The ledger {str(path)!r} cannot be used ({file_problem(error)}).",
            next_step="Choose a folder you can write to: LIANGXIN_RESULTS or LIANGXIN_LEDGER.",
        ) from None
    except LedgerError as error:
        if not error.is_damaged:
            raise
    except ValueError:  # a row that no ledger can have written
        pass
    return False


def salvage(path: Path) -> tuple[list[TransferRow], list[BatchRecord], dict[str, str]]:
    """Return the rows of a ledger file that can be read, each validated; nothing is changed.

    Returns:
        The jobs, the batches, and for each job the session that follows it.
    """
    if not path.is_file() or path.stat().st_size == 0:
        return [], [], {}
    rows, batches, owners = [], [], {}
    max_rows = path.stat().st_size // _MIN_ROW_BYTES
    with (
        suppress(sqlite3.Error),
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db,
    ):
        db.row_factory = sqlite3.Row
        events = _group(db, "events", EventRow, max_rows)
        files = _group(db, "files", FileRow, max_rows)
        for job in _read_rows(db, "jobs", max_rows):
            owners[job.get("id", "")] = str(job.get("owner", ""))
            values = {name: job[name] for name in JobRow.__struct_fields__ if name in job}
            values["seed_drawn"] = bool(values.get("seed_drawn"))  # SQLite stores a number
            row = {
                "job": values,
                "events": events.get(job.get("id"), []),
                "files": files.get(job.get("id"), []),
            }
            parsed = _parse(row) or _parse({"job": values, "events": [], "files": []})
            rows += [parsed] if isinstance(parsed, TransferRow) else []
        for batch in _read_rows(db, "batches", max_rows):
            parsed = _parse({"batch": batch})
            batches += [parsed] if isinstance(parsed, BatchRecord) else []
    unique = {row.job.id: row for row in rows}
    return list(unique.values()), batches, owners


def _parse(values: Any) -> TransferRow | BatchRecord | None:
    with suppress(ValueError, TypeError):  # also bytes where a text should be
        return parse_line(json.dumps(values).encode(), _FORMAT)
    return None


def _group(
    db: sqlite3.Connection, table: str, row_type: Any, max_rows: int
) -> dict[Any, list[dict[str, Any]]]:
    groups: dict[Any, list[dict[str, Any]]] = {}
    for row in _read_rows(db, table, max_rows):
        values = {name: row[name] for name in row_type.__struct_fields__ if name in row}
        groups.setdefault(row.get("job_id"), []).append(values)
    return groups


def _read_rows(db: sqlite3.Connection, table: str, max_rows: int) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table one by one, so that a damaged page costs only its own rows."""
    row_id = gap = 0
    last = _last_row_id(db, table)
    is_plausible = last is not None and last <= max_rows  # a damaged page may hold any number
    while row_id < last if is_plausible and last is not None else gap < _MAX_GAP:
        row_id += 1
        gap += 1
        with suppress(sqlite3.Error):
            query = f"SELECT * FROM {table} WHERE rowid = ?"  # noqa: S608 a name of this module
            if (row := db.execute(query, (row_id,)).fetchone()) is not None:
                gap = 0
                yield dict(row)


def _last_row_id(db: sqlite3.Connection, table: str) -> int | None:
    with suppress(sqlite3.Error, TypeError):
        query = f"SELECT max(rowid) FROM {table}"  # noqa: S608 a name of this module
        return int(db.execute(query).fetchone()[0])
    return None
