"""The HTTP side of the Market task API: create, record, download. The one door to httpx.

The key goes into the header of calls to the API's own address, and to the service's own address
for uploads where its documents state one, and nowhere else: calls follow no redirect, and
downloads use connections that have never seen it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from ..config.settings import Secret
from ..core.request import Request
from ..core.task import TaskRecord
from .downloads import Downloader
from .tasks import RateLimiter, TasksApi
from .uploads import Uploader

__all__ = ["Client"]


class Client:
    """Speaks to one service with one key; use it on the private loop alone.

    `timeout`: seconds without a word from the service, default 60. `upload_url`: the address at
    which the service takes pictures, for one that takes none inside a request.
    """

    def __init__(
        self, base_url: str, key: Secret, *, timeout: float = 60.0, upload_url: str = ""
    ) -> None:
        self.base_url = base_url
        self._uploader = Uploader(upload_url, key, timeout) if upload_url else None
        self._tasks = TasksApi(base_url, key, timeout)
        self._downloader = Downloader(base_url, timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections."""
        if self._uploader:
            await self._uploader.close()
        await self._tasks.close()
        await self._downloader.close()

    async def create(
        self, request: Request, *, callback_url: str = "", limiter: RateLimiter | None = None
    ) -> str:
        """Sends createTask and returns the task id; `callback_url`: the URL to be called at the
        end.

        `limiter`: told of a 429, and waited for before the request is sent again. Pictures in the
        request are uploaded first where the service wants that; without them nothing is created.

        Sent again only when it provably did not arrive, or was refused with 429 and no task id;
        everything else that gives no id raises: `APIError` for a clear no, `APIConnectionError`
        with `maybe_created` when a task may exist all the same.
        """
        placed = await self._uploader.upload_references(request) if self._uploader else request
        return await self._tasks.create(placed, callback_url=callback_url, limiter=limiter)

    async def get_task(self, task_id: str) -> TaskRecord:
        """Asks recordInfo once; raises `APIError` or `APIConnectionError`."""
        return await self._tasks.get_task(task_id)

    async def get_balance(self) -> float:
        """The balance under the `kie` profile; raises `APIError` or `APIConnectionError`."""
        return await self._tasks.get_balance()

    async def refresh_link(self, url: str) -> str:
        """A new link to a result, under the `kie` profile; good for 20 minutes, as KIE's page says.

        Raises `APIError`, as for an address that is no result of the service, or
        `APIConnectionError`.
        """
        return await self._tasks.refresh_link(url)

    async def download(self, url: str, target: Path) -> None:
        """Streams a result into a file; without the key, without cookies, at most 512 MiB.

        Broken off, it goes on where it stopped. Redirects are followed to public http(s) addresses
        only, unless the API itself is at a private one. Raises `ResultUnavailableError` when the
        link is dead or not to be trusted, `APIConnectionError` when it could not be fetched after
        several tries.
        """
        await self._downloader.fetch(url, target)
