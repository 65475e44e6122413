"""Download the outputs of a finished task, embed their metadata and record them in the ledger."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from ..api import Client
from ..core.job_record import JobRecord
from ..core.metadata import ResultMetadata
from ..core.task import TaskOutput, TaskRecord
from ..errors import APIError, ResultUnavailableError
from ..ledger import Ledger
from ..ratelimit import SharedRateLimiter
from ..results import Result, ResultStore, StagedResult

__all__ = ["save_result"]


async def save_result(
    client: Client,
    record: JobRecord,
    task: TaskRecord,
    *,
    ledger: Ledger,
    results: ResultStore,
    limiter: SharedRateLimiter,
) -> Result:
    """Save the outputs of a finished task and mark its job as saved.

    A result that is in the folder already, but not in the ledger, is not downloaded again.

    Args:
        client: Downloads the outputs and refreshes their links.
        record: The job of the task.
        task: The service's final answer.
        ledger: Where the job is marked as saved.
        results: The folder of results.
        limiter: The rate limiter for requests to the service.

    Returns:
        The saved result.

    Raises:
        ResultUnavailableError: If the task has no outputs, or their links have expired.
        APIConnectionError: If the outputs could not be downloaded.
    """
    result = await asyncio.to_thread(results.find_saved, record)
    if result is None:
        staged = await asyncio.to_thread(results.stage, record)
        try:
            result = await _fetch(client, staged, record, task, limiter)
        finally:
            await asyncio.to_thread(staged.discard)
    folder = result.folder.relative_to(results.root).as_posix()
    await asyncio.to_thread(ledger.mark_saved, record, folder, result.metadata.files)
    return result


async def _fetch(
    client: Client,
    staged: StagedResult,
    record: JobRecord,
    task: TaskRecord,
    limiter: SharedRateLimiter,
) -> Result:
    """Download the outputs; if their links have expired, once more with newer links."""
    try:
        return await _download(client, staged, record, task)
    except ResultUnavailableError:
        await limiter.acquire_poll()
        task = await client.get_task(record.task_id)
    try:
        return await _download(client, staged, record, task)
    except ResultUnavailableError as error:
        if record.profile != "kie":
            raise
        task = await _refresh_links(client, task, limiter, error)
    return await _download(client, staged, record, task)


async def _refresh_links(
    client: Client, task: TaskRecord, limiter: SharedRateLimiter, error: ResultUnavailableError
) -> TaskRecord:
    """Return the task with new links; raise `error` if the service makes none.

    Source: KIE's front page says that files are stored for two weeks; its links are reported to
    expire after a day. The page of download-url describes how to get a new one.
    """
    outputs = []
    for output in task.outputs:
        await limiter.acquire_poll()
        try:
            url = output.url if output.text else await client.refresh_link(output.url)
        except APIError:
            raise error from None
        outputs.append(replace(output, url=url))
    return replace(task, outputs=tuple(outputs))


async def _download(
    client: Client, staged: StagedResult, record: JobRecord, task: TaskRecord
) -> Result:
    if not task.outputs:
        raise ResultUnavailableError("The task succeeded, but the answer names no result.")
    downloads = (
        _download_output(client, output, staged.part_path(number))
        for number, output in enumerate(task.outputs, 1)
    )
    # Wait for all of them even if one fails: the next attempt writes to the same files.
    for error in await asyncio.gather(*downloads, return_exceptions=True):
        if error is not None:
            raise error
    return await asyncio.to_thread(staged.commit, _build_metadata(record, task), task.outputs)


async def _download_output(client: Client, output: TaskOutput, path: Path) -> None:
    """Write one output to a file, from its link or from the text in the answer."""
    if output.text:
        await asyncio.to_thread(path.write_text, output.text, encoding="utf-8")
    else:
        await client.download(output.url, path)


def _build_metadata(record: JobRecord, task: TaskRecord) -> ResultMetadata:
    request = record.request
    return ResultMetadata(
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
    )
