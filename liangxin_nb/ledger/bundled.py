"""Batches carried from one ledger to another: what belonged together still does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from .batches import BATCHES, Bundle
from .database import Store
from .transfer import checked

__all__ = ["bundle_of", "bundles", "line_of", "take_in_bundles"]


def bundles(store: Store) -> list[Bundle]:
    """Every batch, oldest first."""
    with store.reading() as db:
        found = db.execute(BATCHES.select().order_by(BATCHES.c.at)).mappings()
        return [Bundle(r["id"], r["at"], r["name"], json.loads(r["plan"])) for r in found]


def line_of(bundle: Bundle) -> str:
    """A batch as one line of JSON."""
    return json.dumps({"batch": _values(bundle)}, ensure_ascii=False)


def bundle_of(line: bytes) -> Bundle | None:
    """The batch in a line from outside, None for a ticket's; raises `ValueError` for neither."""
    try:
        told = json.loads(line)
        if not isinstance(told, dict) or "batch" not in told:
            return None
        values = checked(told["batch"], BATCHES)
        plan = json.loads(values["plan"])
    except (TypeError, RecursionError) as error:
        raise ValueError("a line of it is no batch") from error
    if not _sound(plan) or not values["id"].isalnum():
        raise ValueError("a line of it is no batch")
    return Bundle(values["id"], values["at"], values.get("name", ""), plan)


def take_in_bundles(store: Store, new: Iterable[Bundle]) -> None:
    """Takes in the batches that are not here yet."""
    with store.changing() as db:
        known = {id for (id,) in db.execute(sa.select(BATCHES.c.id))}
        rows = [_values(bundle) for bundle in new if bundle.id not in known]
        if rows:
            db.execute(BATCHES.insert(), rows)


def _values(bundle: Bundle) -> dict[str, Any]:
    plan = json.dumps(dict(bundle.plan), ensure_ascii=False)
    return {"id": bundle.id, "at": bundle.at, "name": bundle.name, "plan": plan}


def _sound(plan: Any) -> bool:
    """Whether a plan is what batches write: names of rows and columns, places and tickets."""
    if not isinstance(plan, Mapping) or not isinstance(plan.get("reused", {}), Mapping):
        return False
    lists = [plan.get("rows"), plan.get("columns")]
    if not all(isinstance(x, list) and all(isinstance(y, str) for y in x) for x in lists):
        return False
    places = len(plan["rows"]) * len(plan["columns"])
    reused = plan.get("reused", {}).items()
    return all(n.isdecimal() and int(n[:9]) < places and isinstance(t, str) for n, t in reused)
