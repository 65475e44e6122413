"""What succeeded comes home: downloaded, sealed with its story, written down."""

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

__all__ = ["ResultSaver"]


class ResultSaver:
    """Keeps the results of tasks that have succeeded."""

    def __init__(self, ledger: Ledger, results: ResultStore, limiter: SharedRateLimiter) -> None:
        self._ledger = ledger
        self._results = results
        self._limiter = limiter

    async def save(self, client: Client, record: JobRecord, task: TaskRecord) -> Result:
        """The result on disk, written down.

        Raises `ResultUnavailableError` when its files cannot be had.
        """
        result = await asyncio.to_thread(self._results.find_saved, record)
        if result is None:
            result = await self._fetch(client, record, task)
        folder = result.folder.relative_to(self._results.root).as_posix()
        await asyncio.to_thread(self._ledger.mark_saved, record, folder, result.metadata.files)
        return result

    async def _fetch(self, client: Client, record: JobRecord, task: TaskRecord) -> Result:
        staged = await asyncio.to_thread(self._results.stage, record)
        try:
            try:
                return await self._download(client, staged, record, task)
            except ResultUnavailableError:
                # The link may only be old: the service can give a fresh one, once.
                await self._limiter.acquire_poll()
                task = await client.get_task(record.task_id)
            try:
                return await self._download(client, staged, record, task)
            except ResultUnavailableError as lost:
                return await self._download(
                    client, staged, record, await self._refresh_links(client, record, task, lost)
                )
        finally:
            await asyncio.to_thread(staged.discard)

    async def _refresh_links(
        self, client: Client, record: JobRecord, task: TaskRecord, lost: ResultUnavailableError
    ) -> TaskRecord:
        """The record with new links in it; raises `lost` where the service makes none.

        KIE keeps files for two weeks, as its front page says, and its links are reported to live
        for a day; download-url, on a page of its own, leads from the one to the other.
        """
        if record.profile != "kie":
            raise lost
        outputs = []
        for one in task.outputs:
            await self._limiter.acquire_poll()
            try:
                outputs.append(
                    one if one.text else replace(one, url=await client.refresh_link(one.url))
                )
            except APIError:
                raise lost from None
        return replace(task, outputs=tuple(outputs))

    async def _download(
        self, client: Client, staged: StagedResult, record: JobRecord, task: TaskRecord
    ) -> Result:
        if not task.outputs:
            raise ResultUnavailableError("The task succeeded, but the answer names no result.")
        parts = [(outputs, staged.part_path(n)) for n, outputs in enumerate(task.outputs, 1)]
        await asyncio.gather(*(_fetch_output(client, outputs, part) for outputs, part in parts))
        metadata = _build_metadata(record, task)
        return await asyncio.to_thread(staged.commit, metadata, task.outputs)


async def _fetch_output(client: Client, outputs: TaskOutput, part: Path) -> None:
    """One output, from its link or out of the answer itself."""
    if outputs.text:
        await asyncio.to_thread(part.write_text, outputs.text, encoding="utf-8")
    else:
        await client.download(outputs.url, part)


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
