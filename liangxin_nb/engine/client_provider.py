"""The API client of a session, opened when it is first needed."""

from __future__ import annotations

import asyncio

from ..api import Client
from ..config.settings import PROFILES, Secret, Settings
from ..ratelimit import SharedRateLimiter
from ..sandbox.launcher import Launcher

__all__ = ["ClientProvider", "upload_base_url"]

#: Where KIE takes uploads, with the same key. Source: KIE File Upload API docs.
_KIE_UPLOAD_URL = "https://kieai.redpandaai.co"


class ClientProvider:
    """Provides the API client, and starts the sandbox if the session uses it.

    Use it on the background loop only.
    """

    def __init__(self, settings: Settings, limiter: SharedRateLimiter) -> None:
        self._settings = settings
        self._limiter = limiter
        self._client: Client | None = None
        self._connecting = asyncio.Lock()
        self._launcher = Launcher(settings.results / ".sandbox", speed=settings.speed)

    async def __call__(self) -> Client:
        """Return the client; it stays the same while the service's address does.

        Raises:
            APIConnectionError: If the sandbox does not start.
        """
        url, key = self._settings.base_url, self._settings.key
        if self._settings.profile == "sandbox":
            url, key = await asyncio.to_thread(self._launcher.url), Secret(self._launcher.key)
        async with self._connecting:  # jobs that start at the same time share one client
            if self._client is None or self._client.base_url != url:
                assert key is not None
                await asyncio.to_thread(self._bind, url, key)
                self._client = Client(
                    url,
                    key,
                    timeout=self._settings.timeout,
                    upload_url=upload_base_url(self._settings.profile, url),
                )
            return self._client

    def _bind(self, url: str, key: Secret) -> None:
        # The event loop's debug mode logs the arguments of calls in threads: not the plain key.
        self._limiter.bind(url, key.reveal())

    async def close(self) -> None:
        """Close the client's connections; the next call opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def release(self) -> None:
        """Release the sandbox, which exits once no session uses it."""
        self._launcher.release()


def upload_base_url(profile: str, base_url: str) -> str:
    """Return the base URL for uploads; empty if references are sent within the request.

    Only KIE's own API goes with its upload host. Any other server that implements KIE's API gets
    uploads at its own address, so that its key is sent nowhere else.

    Args:
        profile: ``"liangxin"``, ``"kie"`` or ``"sandbox"``.
        base_url: The API's address.
    """
    if profile != "kie":
        return ""
    return _KIE_UPLOAD_URL if base_url.rstrip("/") == PROFILES["kie"] else base_url
