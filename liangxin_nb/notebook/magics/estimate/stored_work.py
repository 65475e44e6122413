"""Which saved or running work of the ledger a run of a notebook would take; only reads."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from ....config.settings import Settings
from ....core.formatting import format_count
from ....core.job_record import RESUMABLE, RETENTION_S, JobRecord, JobStatus
from ....core.request import Request
from ....ledger import has_seed, possible_seeds
from ....ledger.read_only import read_prices, read_work
from ....results import is_intact

__all__ = ["StoredWork", "Taken"]

_KINDS = ("saved", "running", "unconfirmed")


class Taken(NamedTuple):
    """The requests of a cell for which there is identical work.

    Attributes:
        models: Number of these requests by model.
        remarks: What else there is to say about them.
        created: What the other requests create: service and digest of each task.
    """

    models: Counter[str]
    remarks: list[str]
    created: Counter[tuple[str, ...]]


class StoredWork:
    """The work in the ledger, and what the cells before would have created."""

    def __init__(self, settings: Settings, created: Counter[tuple[str, ...]]) -> None:
        """Take the ledger of settings; if it does not exist yet, it is not created.

        Args:
            settings: The settings.
            created: What the cells before would have created: service and digest of each task.
        """
        location = settings.ledger_location
        is_missing = "://" not in location and not Path(location).exists()
        self._location = "" if is_missing else location
        self._settings = settings
        self._created = created

    def prices(self, models: Collection[str]) -> dict[str, float]:
        """Return the credits that the service last reported for each model, where it did."""
        if not self._location:
            return {}
        return read_prices(self._location, self._settings.profile, [*models])

    def take(self, requests: Sequence[Request], *, reuse: bool) -> Taken:
        """Return for which requests of a cell a run would take identical work.

        Args:
            requests: The requests of one cell.
            reuse: Whether the cell reuses results.
        """
        models: Counter[str] = Counter()
        kinds: Counter[str] = Counter()
        created: Counter[tuple[str, ...]] = Counter()
        available: dict[str, list[str]] = {}
        for request in requests:
            digest = request.digest
            work = (*self._service, digest)
            if reuse and digest not in available:
                available[digest] = self._find(request) + ["saved"] * self._created[work]
            if available.get(digest):
                kinds[available[digest].pop(0)] += 1
                models[request.model] += 1
            else:
                created[work] += 1
        remarks = [f"{format_count(n, 'task')} still running." for n in [kinds["running"]] if n]
        if n := kinds["unconfirmed"]:
            remarks.append(
                f"{format_count(n, 'request')} without an answer: its task may exist and may be "
                "billed, so it is not sent again."
            )
        return Taken(models, remarks, created)

    def _find(self, request: Request) -> list[str]:
        """Return the kind of each usable job of identical work, those taken first first."""
        if not self._location:
            return []
        seeds = possible_seeds(request)
        records = [
            record
            for digest, record in read_work(self._location, request.digest, *seeds.values())
            if (digest == request.digest or has_seed(record, digest, request, seeds))
            and (record.profile, record.service) == self._service
            and record.origin != "imported"
        ]
        return sorted(filter(None, map(self._kind, records)), key=_KINDS.index)

    @property
    def _service(self) -> tuple[str, str]:
        return self._settings.profile, self._settings.base_url

    def _kind(self, record: JobRecord) -> str:
        if record.status == JobStatus.SAVED:
            return "saved" if is_intact(self._settings.results, record.folder) else ""
        if record.status == JobStatus.UNCONFIRMED:
            return "unconfirmed" if record.created_at > time.time() - RETENTION_S else ""
        is_unsent = record.status in (JobStatus.PENDING, JobStatus.SUBMITTING)
        is_running = record.task_id and record.status in RESUMABLE
        return "running" if is_unsent or is_running else ""
