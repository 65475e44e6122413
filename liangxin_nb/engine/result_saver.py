"""Save the outputs of a finished task and record them in the ledger."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

from ..api import Client
from ..core.foreign_file import file_problem
from ..core.job_record import JobRecord
from ..core.metadata import ResultMetadata
from ..core.task import TaskRecord
from ..errors import ResultUnavailableError
from ..ratelimit import SharedRateLimiter
from ..results import Result, ResultStore
from .ledger_writer import LedgerWriter
from .output_fetcher import FetchedOutputs, OutputFetcher

__all__ = ["save_result"]


async def save_result(
    client: Client,
    record: JobRecord,
    task: TaskRecord,
    *,
    writer: LedgerWriter,
    results: ResultStore,
    limiter: SharedRateLimiter,
    on_wait: Callable[[str], None] = lambda _: None,
    patience: float = math.inf,
) -> Result:
    """Save the outputs of a finished task and mark its job as saved.

    Outputs that cannot be downloaded are listed in the metadata as missing; the others are saved.
    A result that is in the folder already is not downloaded again, except for its missing outputs.

    Args:
        client: Downloads the outputs and refreshes their links.
        record: The job of the task.
        task: The service's final answer.
        writer: Marks the job as saved; a partial result is its reason.
        results: The folder of results.
        limiter: The rate limiter for requests to the service.
        on_wait: Receives one line before each pause: outputs are not there yet, or the ledger is
            busy.
        patience: Seconds for which outputs that are not there yet are waited for, at most.

    Returns:
        The saved result.

    Raises:
        ResultUnavailableError: If no output can be downloaded any more. With `retryable` set the
            outputs may still be collected: the disk is full, or the answer names no outputs.
        APIConnectionError: If the outputs could not be downloaded now.
    """
    try:
        result = await asyncio.to_thread(results.find_saved, record)
        if result is None or result.metadata.missing:
            fetcher = OutputFetcher(client, record, limiter, on_wait, patience)
            result = await _fetch(fetcher, results, record, task, result)
    except OSError as error:
        raise _storage_error(error, record, results) from None
    if (reason := result.metadata.describe_missing()) != record.reason:
        event = "partly saved" if reason else "complete"
        record = await writer.update(record, event, reason, on_busy=on_wait, reason=reason)
    folder = result.folder.relative_to(results.root).as_posix()
    mark = partial(writer.ledger.mark_saved, record, folder, result.metadata.files)
    await writer.write(record.id, mark, on_wait)
    return result


async def _fetch(
    fetcher: OutputFetcher,
    results: ResultStore,
    record: JobRecord,
    task: TaskRecord,
    saved: Result | None,
) -> Result:
    """Download and save the outputs that are not on disk."""
    staged = await asyncio.to_thread(results.stage, record)
    try:
        fetched = await fetcher.fetch(staged, task, saved.numbers if saved else frozenset())
        if not fetched.task.outputs:
            raise await _unreadable_error(results, record, fetched)
        if saved is None and not fetched.numbers:
            error = fetched.first_error()
            error.next_step = error.next_step or f"%liangxin resume {record.task_id} tries again."
            raise error
        if saved is not None and not fetched.numbers:
            return saved
        metadata = _build_metadata(record, fetched)
        if saved is None:
            return await asyncio.to_thread(staged.commit, metadata, fetched.task.outputs)
        return await asyncio.to_thread(staged.commit_missing, saved, metadata, fetched.task.outputs)
    finally:
        await asyncio.to_thread(staged.discard)


async def _unreadable_error(
    results: ResultStore, record: JobRecord, fetched: FetchedOutputs
) -> ResultUnavailableError:
    """Save the service's answer, and return the error for a success without readable outputs."""
    path = await asyncio.to_thread(results.save_answer, record, fetched.task.raw)
    error = ResultUnavailableError(
        f"The task succeeded, but the answer names no result; the answer is in {str(path)!r}.",
        task_id=record.task_id,
        next_step=f"%liangxin resume {record.task_id} asks the service again.",
    )
    error.retryable = True
    return error


def _storage_error(
    error: OSError, record: JobRecord, results: ResultStore
) -> ResultUnavailableError:
    problem = ResultUnavailableError(
        f"The result of {record.task_id} cannot be written to {str(results.root)!r} "
        f"({file_problem(error)}).",
        task_id=record.task_id,
        next_step="Free space or make the folder writable, then "
        f"%liangxin resume {record.task_id}.",
    )
    problem.retryable = True
    return problem


def _build_metadata(record: JobRecord, fetched: FetchedOutputs) -> ResultMetadata:
    request, task = record.request, fetched.task
    metadata = ResultMetadata(
        prompt=request.prompt,
        model=request.model,
        task_id=record.task_id,
        job_id=record.id,
        service=record.profile,
        created_at=datetime.now().astimezone().isoformat(timespec="seconds"),
        options=request.redacted_options,
        is_sandbox=record.profile == "sandbox",
        duration_s=task.duration_s,
        credits=task.credits,
        parent_ids=record.parent_ids,
        change=record.change,
        seed_drawn=record.seed_drawn,
    )
    return replace(metadata, missing=fetched.missing)
