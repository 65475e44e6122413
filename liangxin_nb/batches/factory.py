"""Preparing, opening and listing batches."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

from ..config.key_detector import reject_keys
from ..core.derivation import Derivation
from ..core.formatting import format_count, format_time
from ..core.job_record import JobRecord, JobStatus, JobUpdate
from ..core.request import DEFAULT_MODEL, Request
from ..errors import InvalidRequestError
from ..ledger import BatchRecord
from ..session import BaseSession
from ..session.earlier_work import current_cell_id
from ..session.media_input import image_list
from ..session.parents import derive_from_pictures
from .batch import CONCURRENCY, Batch
from .estimate import Estimate
from .grid import RequestGrid, build_grid
from .inputs import parse_prompts
from .state import BatchState, is_unfinished, newest_records, update_of

__all__ = ["MAX_TASKS", "PreparedBatch", "open_batch", "prepare", "unsent_batches"]

#: Number of tasks that a batch may create by default.
MAX_TASKS = 50
#: The open batches of this process. Each is opened once, so that two cannot send the same job.
_OPEN_BATCHES: WeakKeyDictionary[BaseSession, WeakValueDictionary[str, Batch]] = WeakKeyDictionary()


@dataclass(frozen=True)
class PreparedBatch:
    """A batch of checked requests. Nothing is sent or written before `start`.

    Attributes:
        session: The session that runs it.
        grid: Its requests.
        reused: For each request, a saved record of an identical one; None to create a task.
        estimate: Number of tasks, and what is known of their cost.
        key: Identifies the notebook cell and its requests; empty outside of notebooks.
        derivations: What the requests of each row were made from.
    """

    session: BaseSession
    grid: RequestGrid
    reused: tuple[JobRecord | None, ...]
    estimate: Estimate
    key: str = ""
    derivations: tuple[Derivation, ...] = ()
    _started: list[Batch] = field(default_factory=list, repr=False, compare=False)

    def start(
        self,
        *,
        name: str = "",
        max_tasks: int = MAX_TASKS,
        concurrency: int = CONCURRENCY,
        option: str = "max_tasks=",
    ) -> Batch:
        """Write every job record to the ledger, then start the batch.

        If the same cell started the same batch before the kernel was restarted, and a part of
        that is unfinished, it is continued: nothing is paid for again.

        Args:
            name: Title of the batch.
            max_tasks: Number of tasks that may be created.
            concurrency: Number of tasks in flight at once.
            option: How a user allows more tasks, for the error message.

        Returns:
            The running batch.

        Raises:
            InvalidRequestError: If a limit would be exceeded. Nothing has been sent.
        """
        reject_keys({"The name": name}, is_option=False)
        if self._started:  # a second click
            return self._started[0]
        if batch := self._continue_interrupted(concurrency) or self._open_same(name, concurrency):
            return batch
        if (tasks := self.estimate.tasks) > max_tasks:
            raise InvalidRequestError(
                f"{tasks} tasks would be created, more than {max_tasks}; nothing was sent.",
                next_step=f"Allow it with {option}{tasks}.",
            )
        batch_record = BatchRecord(uuid.uuid4().hex[:12], time.time(), name, self._plan())
        new = {n: self.grid.requests[n] for n, t in enumerate(self.reused) if t is None}
        derivations = {n: self.derivations[n // len(self.grid.columns)] for n in new}
        created = self.session.create_jobs(new, batch_record.id, batch_record, derivations)
        records = {record.batch_index: record for record in created}
        updates = [
            update_of(self.session, record or records[index])
            for index, record in enumerate(self.reused)
        ]
        attempts = dict.fromkeys(records, 1)
        batch = _create_batch(self.session, batch_record, updates, attempts, concurrency)
        self._started.append(batch)
        batch.notes = self.estimate.notes
        return batch.resume()

    def _continue_interrupted(self, concurrency: int) -> Batch | None:
        """Continue the unfinished batch that this cell started in an ended kernel, if any."""
        for earlier in self.session.ledger.list_batches() if self.key else ():
            if earlier.plan.get("key") != self.key:
                continue
            records = newest_records(self.session, earlier).values()
            if any(map(self.session.is_followed, records)) or not any(map(is_unfinished, records)):
                continue
            batch = _open_batch(self.session, earlier, concurrency, self.grid.requests)
            started = format_time(earlier.created_at)
            batch.notes = (f"The batch of {started} continues; nothing was sent again.",)
            return batch
        return None

    def _open_same(self, name: str, concurrency: int) -> Batch | None:
        """Open the earlier batch that has all the reused records in these rows and columns.

        A cell that runs again then shows the same batch.
        """
        ids = [record.id for record in self.reused if record is not None]
        plan = self._plan()
        for earlier in self.session.ledger.list_batches(None) if None not in self.reused else ():
            labels = {key: earlier.plan.get(key) for key in ("rows", "columns")}
            if earlier.name != name or not labels.items() <= plan.items():
                continue
            if [r.id for r in newest_records(self.session, earlier).values()] == ids:
                return _open_batch(self.session, earlier, concurrency, self.grid.requests)
        return None

    def _plan(self) -> dict[str, Any]:
        """Return labels and reused records, as the ledger stores them."""
        reused = {str(n): record.id for n, record in enumerate(self.reused) if record}
        plan = {"rows": list(self.grid.rows), "columns": list(self.grid.columns)}
        return plan | {"reused": reused} | ({"key": self.key} if self.key else {})


def prepare(
    session: BaseSession,
    prompts: Any,
    /,
    *,
    models: str | Sequence[str] = DEFAULT_MODEL,
    seeds: Iterable[int] | int | None = None,
    image: Any = None,
    reuse: bool | None = None,
    allow_key_like: bool = False,
    any_model: bool = False,
    **options: Any,
) -> PreparedBatch:
    """Check the requests of a batch and estimate its cost. Nothing is sent or written.

    Args:
        session: The session that will run the batch.
        prompts: Prompts, dicts, a DataFrame or the path of a CSV file; see `parse_prompts`.
        models: One or several model names.
        seeds: The seeds, or how many drawn ones for each prompt. None: one is drawn for each task
            of a model that takes a seed.
        image: Reference pictures for all requests.
        reuse: Whether saved results of identical requests are used instead of new tasks.
        allow_key_like: Whether texts may look like an API key; a key in use is never allowed.
        any_model: Whether models that the catalogue does not list may be used.
        options: `aspect`, `size` and inputs of the models; a list makes one column per value.

    Raises:
        InvalidRequestError: If a row or an option is invalid.
    """
    profile = session.settings.profile
    rows = parse_prompts(prompts)
    grid = build_grid(
        profile, rows, models=models, seeds=seeds, image=image, options=options,
        allow_key_like=allow_key_like, any_model=any_model,
    )  # fmt: skip
    reuse = session.reuses(reuse)
    reused = tuple(session.find_identical(grid.requests) if reuse else [None] * len(grid.requests))
    new = [r.model for r, record in zip(grid.requests, reused, strict=True) if record is None]
    prices = {
        model: price
        for model in set(new)
        if (price := session.ledger.last_cost(model, profile)) is not None
    }
    statuses = Counter(str(record.status) for record in reused if record is not None)
    saved, unconfirmed = statuses["saved"], statuses["unconfirmed"]
    notes = grid.notes
    if running := statuses.total() - saved - unconfirmed:
        notes += (f"{format_count(running, 'identical task')} still running: not sent again.",)
    if unconfirmed:
        notes += (
            f"{format_count(unconfirmed, 'identical request')} without an answer: its task may "
            "exist and may be billed, so it is not sent again.",
        )
    estimate = Estimate(Counter(new), saved, prices, profile == "sandbox", notes)
    cell_id = "" if reuse else current_cell_id()
    key = _batch_key(cell_id, grid) if cell_id else ""
    images = [image_list(row.values.get("image", image)) for row in rows]
    derivations = tuple(derive_from_pictures(session.ledger, some) for some in images)
    return PreparedBatch(session, grid, reused, estimate, key, derivations)


def _batch_key(cell_id: str, grid: RequestGrid) -> str:
    """Return a digest of a cell and its requests."""
    parts = [cell_id, *(request.digest for request in grid.requests)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def open_batch(session: BaseSession, batch_id: str, *, concurrency: int = CONCURRENCY) -> Batch:
    """Open a batch of the ledger and resume it.

    Pending jobs are sent, submitted ones are collected, and nothing is sent twice.

    Args:
        session: The session that runs it.
        batch_id: Its id, or the beginning of it.
        concurrency: Number of tasks in flight at once.

    Raises:
        InvalidRequestError: If the ledger does not contain the batch, or if it belongs to another
            service.
    """
    batch_record = session.ledger.get_batch(batch_id)
    if batch_record is None:
        raise InvalidRequestError(
            f"There is no batch {batch_id!r} in the ledger {session.ledger.location!r}.",
            next_step="%liangxin batches lists them.",
        )
    return _open_batch(session, batch_record, concurrency)


def _open_batch(
    session: BaseSession,
    batch_record: BatchRecord,
    concurrency: int,
    requests: Sequence[Request] = (),
) -> Batch:
    """Open a batch; with identical requests, whose reference pictures the ledger does not have."""
    if batch := _OPEN_BATCHES.setdefault(session, WeakValueDictionary()).get(batch_record.id):
        return batch.resume()
    session.reconcile()
    records = session.ledger.jobs_of_batch(batch_record.id)
    _check_service(session, batch_record, records)
    newest = newest_records(session, batch_record)
    for index, job_id in batch_record.plan.get("reused", {}).items():
        if int(index) not in newest:
            session.get_record(job_id)  # raises the error
    for index, record in newest.items():
        if requests and record.status == JobStatus.PENDING:
            request = requests[index].with_seed_of(record.request)
            newest[index] = record.replace(request=request)
    updates = [update_of(session, record) for record in newest.values()]
    attempts = Counter(record.batch_index for record in records)
    return _create_batch(session, batch_record, updates, attempts, concurrency).resume()


def unsent_batches(session: BaseSession) -> list[str]:
    """Return the ids of the batches with requests that nothing sends until they are resumed.

    Args:
        session: The session; its ledger is read.
    """
    opened = _OPEN_BATCHES.get(session)
    ids = set()
    for record in session.ledger.with_status("pending"):
        batch = opened.get(record.batch_id) if opened else None
        is_running = batch is not None and batch.progress.active
        if record.batch_id and not is_running and not session.is_followed_elsewhere(record):
            ids.add(record.batch_id)
    return sorted(ids)


def _create_batch(
    session: BaseSession,
    record: BatchRecord,
    updates: list[JobUpdate],
    attempts: dict[int, int],
    concurrency: int,
) -> Batch:
    state = BatchState(record, session.settings.profile, updates, attempts)
    batch = Batch(session, state, concurrency=concurrency)
    _OPEN_BATCHES.setdefault(session, WeakValueDictionary())[record.id] = batch
    return batch


def _check_service(session: BaseSession, batch: BatchRecord, records: list[JobRecord]) -> None:
    """Raise `InvalidRequestError` if a record belongs to another service than the session's."""
    service = (session.settings.profile, session.settings.base_url)
    for record in records:
        if (record.profile, record.service) != service:
            raise InvalidRequestError(
                f"The batch {batch.id} belongs to {record.service or record.profile}, this "
                f"session uses {session.settings.host}.",
                next_step=f"Use the profile {record.profile} and its address, then open it again.",
            )
