"""What succeeded comes home: downloaded, sealed with its story, written down."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from ..api import Client
from ..core.job_record import Ticket
from ..core.metadata import Story
from ..core.task import Media, Record
from ..errors import APIError, ResultUnavailableError
from ..ledger import Ledger
from ..ratelimit import Budget
from ..results import Parcel, Result, Results

__all__ = ["Keeping"]


class Keeping:
    """Keeps the results of tasks that have succeeded."""

    def __init__(self, ledger: Ledger, results: Results, budget: Budget) -> None:
        self._ledger = ledger
        self._results = results
        self._budget = budget

    async def keep(self, client: Client, ticket: Ticket, record: Record) -> Result:
        """The result on disk, written down.

        Raises `ResultUnavailableError` when its files cannot be had.
        """
        result = await asyncio.to_thread(self._results.found, ticket)
        if result is None:
            result = await self._fetch(client, ticket, record)
        folder = result.folder.relative_to(self._results.root).as_posix()
        await asyncio.to_thread(self._ledger.keep, ticket, folder, result.story.files)
        return result

    async def _fetch(self, client: Client, ticket: Ticket, record: Record) -> Result:
        parcel = await asyncio.to_thread(self._results.parcel, ticket)
        try:
            try:
                return await self._download(client, parcel, ticket, record)
            except ResultUnavailableError:
                # The link may only be old: the service can give a fresh one, once.
                await self._budget.query()
                record = await client.record(ticket.task_id)
            try:
                return await self._download(client, parcel, ticket, record)
            except ResultUnavailableError as lost:
                return await self._download(
                    client, parcel, ticket, await self._linked(client, ticket, record, lost)
                )
        finally:
            await asyncio.to_thread(parcel.drop)

    async def _linked(
        self, client: Client, ticket: Ticket, record: Record, lost: ResultUnavailableError
    ) -> Record:
        """The record with new links in it; raises `lost` where the service makes none.

        KIE keeps files for two weeks, as its front page says, and its links are reported to live
        for a day; download-url, on a page of its own, leads from the one to the other.
        """
        if ticket.profile != "kie":
            raise lost
        media = []
        for one in record.media:
            await self._budget.query()
            try:
                media.append(one if one.text else replace(one, url=await client.link(one.url)))
            except APIError:
                raise lost from None
        return replace(record, media=tuple(media))

    async def _download(
        self, client: Client, parcel: Parcel, ticket: Ticket, record: Record
    ) -> Result:
        if not record.media:
            raise ResultUnavailableError("The task succeeded, but the answer names no result.")
        parts = [(media, parcel.part(n)) for n, media in enumerate(record.media, 1)]
        await asyncio.gather(*(_arrive(client, media, part) for media, part in parts))
        story = _story(ticket, record)
        return await asyncio.to_thread(parcel.seal, story, record.media)


async def _arrive(client: Client, media: Media, part: Path) -> None:
    """One output, from its link or out of the answer itself."""
    if media.text:
        await asyncio.to_thread(part.write_text, media.text, encoding="utf-8")
    else:
        await client.download(media.url, part)


def _story(ticket: Ticket, record: Record) -> Story:
    request = ticket.request
    return Story(
        prompt=request.prompt,
        model=request.model,
        task_id=ticket.task_id,
        ticket=ticket.id,
        service=ticket.profile,
        made=datetime.now().astimezone().isoformat(timespec="seconds"),
        options=request.told,
        drawing=ticket.profile == "sandbox",
        seconds=record.seconds,
        credits=record.credits,
    )
