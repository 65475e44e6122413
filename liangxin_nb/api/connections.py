"""Connections to the service: a pool for each proxy, and what prevented a connection."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import httpcore
import httpx

from ..errors import LiangxinError
from .certificates import load_certificates
from .failures import build_not_sent_error
from .proxies import Proxy, find_proxy
from .route import Route
from .tunnels import TunnelBackend

__all__ = ["RoutedTransport"]

_KEEPALIVE_S = 5.0
_MAX_CONNECTIONS = 100
_HTTPCORE_ERRORS = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError)


class RoutedTransport(httpx.AsyncBaseTransport):
    """Sends each request through the proxy that the environment names for its URL.

    The environment is read for each request, so that `%env` has an effect at once.
    """

    def __init__(self, *, keepalive: int = 20) -> None:
        """Create a transport; connections are opened when they are needed.

        Args:
            keepalive: The number of idle connections that are reused.
        """
        self._keepalive = keepalive
        self._pools: dict[
            tuple[str, Proxy | None, ssl.SSLContext | None], httpcore.AsyncConnectionPool
        ] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request.

        Raises:
            InvalidRequestError: If a variable for proxies or certificates has no usable value.
            NotSentError: If there is no connection.
            httpx.TransportError: If the connection ends later.
        """
        proxy = find_proxy(request.url)
        pool = self._get_pool(request.url, proxy)
        route = request.extensions["route"] = Route(request, proxy)
        url = request.url
        sent = httpcore.Request(
            request.method,
            httpcore.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions={**request.extensions, "trace": route.on_event},
        )
        with _translate_errors(route):
            response = await pool.handle_async_request(sent)
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_ResponseStream(response, route),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            await pool.aclose()

    def _get_pool(self, url: httpx.URL, proxy: Proxy | None) -> httpcore.AsyncConnectionPool:
        """Return the pool for a proxy and the certificates that are trusted now."""
        uses_tls = "https" in (url.scheme, proxy.url.scheme if proxy else "")
        certificates = load_certificates() if uses_tls else None
        key = (url.scheme, proxy, certificates)
        if key not in self._pools:
            backend = self._create_backend(*key)
            self._pools[key] = httpcore.AsyncConnectionPool(
                certificates,
                _to_httpcore(proxy, certificates) if proxy and backend is None else None,
                max_connections=_MAX_CONNECTIONS,
                max_keepalive_connections=self._keepalive,
                keepalive_expiry=_KEEPALIVE_S,
                network_backend=backend,
            )
        return self._pools[key]

    def _create_backend(
        self, scheme: str, proxy: Proxy | None, certificates: ssl.SSLContext | None
    ) -> httpcore.AsyncNetworkBackend | None:
        """Return what opens connections, through the proxy too; None for httpcore's own way."""
        is_forwarded = proxy is None or (scheme == "http" and proxy.url.scheme in ("http", "https"))
        return None if proxy is None or is_forwarded else TunnelBackend(proxy, certificates)


class _ResponseStream(httpx.AsyncByteStream):
    """The body of a response."""

    def __init__(self, response: httpcore.Response, route: Route) -> None:
        self._response = response
        self._route = route

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translate_errors(self._route):
            async for part in self._response.aiter_stream():
                yield part

    async def aclose(self) -> None:
        """Return the connection to its pool."""
        with _translate_errors(self._route):
            await self._response.aclose()


def _to_httpcore(proxy: Proxy, certificates: ssl.SSLContext | None) -> httpcore.Proxy:
    url = proxy.url
    login = (url.username.encode(), url.password.encode()) if url.userinfo else None
    return httpcore.Proxy(
        httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=proxy.port, target=b"/"),
        auth=login,
        ssl_context=certificates if url.scheme == "https" else None,
    )


@contextmanager
def _translate_errors(route: Route) -> Iterator[None]:
    """Raise httpx's errors for those of httpcore, which have the same names."""
    try:
        yield
    except LiangxinError:
        raise
    except Exception as error:
        if not route.is_sent:
            raise build_not_sent_error(error, route) from error
        if isinstance(error, _HTTPCORE_ERRORS):
            raise getattr(httpx, type(error).__name__)(str(error)) from error
        raise
