"""Reject requests that a web page sends to the sandbox.

A page with a host name that resolves to this machine (DNS rebinding) has the sandbox's origin in
the browser and could read its answers, but its requests name the page's host. Pages of other
origins cannot read the answers; they could still send requests or display pictures.
"""

from __future__ import annotations

from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["RequestGuard"]

_NAMES = ("127.0.0.1", "localhost", "[::1]")
#: Sent with every answer: no other page can embed it, and browsers run nothing in it.
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


class RequestGuard:
    """Middleware that answers 421 for foreign hosts, and 403 for requests of other pages.

    Args:
        app: The application.
        hosts: Further values of the Host header that are accepted.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] = ()) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a rejected request, or pass it on."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
            await send(message)

        answer = self._reject(scope)
        await (answer or self._app)(scope, receive, send_with_headers)

    def _reject(self, scope: Scope) -> Response | None:
        """Return the answer to a request that is rejected, None for others."""
        headers, port = Headers(scope=scope), scope["server"][1]
        host = headers.get("host", "").lower()
        if host not in self._hosts and host not in {f"{name}:{port}" for name in _NAMES}:
            return PlainTextResponse(f"This sandbox serves 127.0.0.1:{port} only.", 421)
        origin = headers.get("origin", f"http://{host}")
        if origin != f"http://{host}" or _is_sent_by_another_page(scope["method"], headers):
            return PlainTextResponse("This sandbox serves no requests of other web pages.", 403)
        return None


def _is_sent_by_another_page(method: str, headers: Headers) -> bool:
    """Return whether a page of another origin sends the request, and not a link that is opened."""
    if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
        return False
    fetched = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest"))
    return method != "GET" or fetched != ("navigate", "document")
