"""Batches carried from one ledger to another: what belonged together still does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from .batches import BATCHES, BatchRecord
from .database import Database
from .transfer import validate_row

__all__ = ["all_batches", "batch_from_json", "batch_to_json", "import_batches"]


def all_batches(database: Database) -> list[BatchRecord]:
    """Every batch, oldest first."""
    with database.read_only() as db:
        found = db.execute(BATCHES.select().order_by(BATCHES.c.created_at)).mappings()
        return [
            BatchRecord(r["id"], r["created_at"], r["name"], json.loads(r["plan"])) for r in found
        ]


def batch_to_json(batch_record: BatchRecord) -> str:
    """A batch as one line of JSON."""
    return json.dumps({"batch": _to_row(batch_record)}, ensure_ascii=False)


def batch_from_json(line: bytes) -> BatchRecord | None:
    """The batch in a line from outside, None for a record's; raises `ValueError` for neither."""
    try:
        told = json.loads(line)
        if not isinstance(told, dict) or "batch" not in told:
            return None
        values = validate_row(told["batch"], BATCHES)
        plan = json.loads(values["plan"])
    except (TypeError, RecursionError) as error:
        raise ValueError("a line of it is no batch") from error
    if not _is_valid_plan(plan) or not values["id"].isalnum():
        raise ValueError("a line of it is no batch")
    return BatchRecord(values["id"], values["created_at"], values.get("name", ""), plan)


def import_batches(database: Database, new: Iterable[BatchRecord]) -> None:
    """Takes in the batches that are not here yet."""
    with database.transaction() as db:
        known = {id for (id,) in db.execute(sa.select(BATCHES.c.id))}
        rows = [_to_row(batch_record) for batch_record in new if batch_record.id not in known]
        if rows:
            db.execute(BATCHES.insert(), rows)


def _to_row(batch_record: BatchRecord) -> dict[str, Any]:
    plan = json.dumps(dict(batch_record.plan), ensure_ascii=False)
    return {
        "id": batch_record.id,
        "created_at": batch_record.created_at,
        "name": batch_record.name,
        "plan": plan,
    }


def _is_valid_plan(plan: Any) -> bool:
    """Whether a plan is what batches write: names of rows and columns, places and job records."""
    if not isinstance(plan, Mapping) or not isinstance(plan.get("reused", {}), Mapping):
        return False
    lists = [plan.get("rows"), plan.get("columns")]
    if not all(isinstance(x, list) and all(isinstance(y, str) for y in x) for x in lists):
        return False
    places = len(plan["rows"]) * len(plan["columns"])
    reused = plan.get("reused", {}).items()
    return all(n.isdecimal() and int(n[:9]) < places and isinstance(t, str) for n, t in reused)
