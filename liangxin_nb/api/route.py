"""The way of one request: through which proxy, and how far it has come."""

from __future__ import annotations

from typing import Any

import httpx

from .proxies import Proxy

__all__ = ["NotSentError", "Route"]


class Route:
    """The way of one request: its proxy, and how far it has come.

    Attributes:
        url: The requested URL.
        proxy: The proxy, or None.
        step: The last step that began, as httpcore names it.
        is_sent: Whether the request is being sent; a tunnel through a proxy does not count.
    """

    def __init__(self, request: httpx.Request, proxy: Proxy | None) -> None:
        self.url = request.url
        self.proxy = proxy
        self.step = ""
        self.is_sent = False
        self._trace = request.extensions.get("trace")

    @property
    def is_at_proxy(self) -> bool:
        """Whether the last step concerns the proxy, and not the service."""
        is_tls = self.step.endswith("start_tls")  # for https with the service, through the proxy
        return self.proxy is not None and not (is_tls and self.url.scheme == "https")

    async def on_event(self, name: str, info: Any) -> None:
        """Note an event of httpcore, and pass it on to the hook of the request."""
        if name.endswith(".started"):
            self.step = name.removesuffix(".started")
            self.is_sent |= self.step.endswith("send_request_headers")
        if self._trace is not None:
            await self._trace(name, info)


class NotSentError(httpx.TransportError):
    """There is no connection, so the request was not sent.

    Attributes:
        next_step: What to do about it.
        retryable: Whether another attempt may succeed.
    """

    def __init__(self, problem: str, next_step: str, *, retryable: bool) -> None:
        super().__init__(problem)
        self.next_step = next_step
        self.retryable = retryable
