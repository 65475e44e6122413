"""Follows the jobs of other processes, as the ledger shows them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from ..config.settings import Settings
from ..core.job_record import JobRecord, JobUpdate
from ..core.recorded_update import update_from_record
from ..diagnostics import mark_interrupted
from ..engine.callback_reconciler import CallbackReconciler
from ..engine.ownership import Ownership
from ..errors import InvalidRequestError, LiangxinError, WaitTimeoutError
from ..ledger import Ledger
from ..results import Result, ResultStore

__all__ = ["JobFollower", "incomplete_request_error"]

_FIRST_PAUSE_S, _MAX_PAUSE_S = 0.05, 1.0  # between two looks into the ledger


class JobFollower:
    """Waits for the jobs of other processes, and takes them over when these have ended."""

    def __init__(
        self,
        ledger: Ledger,
        results: ResultStore,
        ownership: Ownership,
        reconciler: CallbackReconciler,
        settings: Settings,
    ) -> None:
        self._ledger, self._results, self._ownership = ledger, results, ownership
        self._reconciler, self._settings = reconciler, settings

    async def follow(self, record: JobRecord, publish: Callable[[JobUpdate], None]) -> Result:
        """Return the result of a job when the process that follows it has saved it.

        Args:
            record: The job's record.
            publish: Receives an update for each change in the ledger.

        Raises:
            WaitTimeoutError: If nothing has ended the job within the session's patience.
            LiangxinError: How else the job ended without a result.
        """
        end, pause = time.monotonic() + self._settings.patience, _FIRST_PAUSE_S
        last: JobUpdate | None = None
        while time.monotonic() < end:
            update, mine = await asyncio.to_thread(self._look, record.id)
            if mine is not None:
                return await self._take_over(mine, publish)
            if update.is_final:
                return _result_or_raise(update)
            if update != last:
                publish(update)
            last, pause = update, min(1.5 * pause, _MAX_PAUSE_S)
            await asyncio.sleep(pause)
        raise WaitTimeoutError(
            f"{record.task_id or record.id} is still followed by another process; it may be "
            "billed.",
            task_id=record.task_id or None,
            next_step=f"Collect it with %liangxin resume {record.task_id or record.id}",
        )

    def _look(self, job_id: str) -> tuple[JobUpdate, JobRecord | None]:
        """Return what the ledger has of a job, and its record if this session follows it now."""
        record = self._ledger.find(job_id)
        if record is None:
            raise LiangxinError(
                f"{job_id} is not in the ledger {self._ledger.location!r}.",
                next_step="%liangxin tasks lists what is.",
            )
        update = update_from_record(lambda saved: self._results.load(saved.folder), record)
        is_sending = record.status == "submitting"
        if (update.is_final and not is_sending) or self._ownership.is_alive(record.owner):
            return (JobUpdate(record) if is_sending else update), None
        if is_sending:  # the next look finds it unconfirmed
            mark_interrupted(self._ledger, self._ownership.is_alive)
            return JobUpdate(record), None
        if record.status == "pending" and not self._ledger.is_complete(record):
            raise incomplete_request_error(record)
        return update, self._ledger.claim(record, self._ownership.id)

    async def _take_over(self, record: JobRecord, publish: Callable[[JobUpdate], None]) -> Result:
        """Send a pending job or collect a submitted one, which no process follows any more."""
        if record.status != "pending":
            return await self._reconciler.collect_strategy(record)(record, publish)
        submit, collect = self._reconciler.submission_strategy(self._settings.callback)(record)
        return await collect(await submit(record, publish), publish)


def incomplete_request_error(record: JobRecord) -> InvalidRequestError:
    """Return the error for a record without its reference picture, which the ledger only names."""
    return InvalidRequestError(
        f"{record.id} needs a reference picture that the ledger does not contain; it was not sent.",
        next_step="Submit it again, with its picture.",
    )


def _result_or_raise(update: JobUpdate) -> Result:
    if update.error is not None:
        raise update.error
    assert isinstance(update.result, Result)
    return update.result
