"""What calls, uploads and downloads share: connections without cookies, words for failures."""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Generator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import httpx

from .._version import __version__
from ..config.settings import Secret
from ..core.hosts import is_loopback
from .codec import redact_callback_urls

__all__ = ["BearerAuth", "Transport", "build_http_client", "describe_error", "parse_retry_after"]

# Some hosts of this API refuse clients that do not name themselves.
_AGENT = f"Mozilla/5.0 (compatible; liangxin_nb/{__version__})"
_LARGEST_ANSWER = 8 << 20
# The retry library reports through logging; without a handler that would end up in the cells.
logging.getLogger("stamina").addHandler(logging.NullHandler())


class BearerAuth(httpx.Auth):
    """Puts the key into the one header at the last moment, so that no variable ever holds it."""

    def __init__(self, key: Secret) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Adds the Authorization header."""
        request.headers["Authorization"] = f"Bearer {self._key.reveal()}"
        yield request


class Transport:
    """One origin of the API, and the key for it; follows no redirect."""

    def __init__(self, url: str, key: Secret, timeout: float) -> None:
        self.url = url
        self.host = urlsplit(url).netloc
        self._key = key
        # A server may drop an idle connection in the very moment in which it is used again. A
        # question is asked once more then; of a create no one would know whether it arrived.
        self._http = {
            "GET": build_http_client(url, timeout, BearerAuth(key)),
            "POST": build_http_client(url, timeout, BearerAuth(key), keepalive=0),
        }

    async def close(self) -> None:
        """Closes the connections."""
        for connected in self._http.values():
            await connected.aclose()

    async def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One call, its answer read whole and free of the key; raises `httpx.HTTPError`."""
        async with self._http[method].stream(method, f"{self.url}{path}", **more) as reply:
            # A body without an end would otherwise fill the memory.
            size, parts = 0, []
            async for part in reply.aiter_bytes():
                size += len(part)
                parts.append(part)
                if size > _LARGEST_ANSWER:
                    raise httpx.DecodingError("the answer is longer than 8 MiB")
            content = redact_callback_urls(self._redact_key(b"".join(parts)))
            return httpx.Response(
                reply.status_code, headers=_refuse_encoding(reply), content=content
            )

    def _redact_key(self, content: bytes) -> bytes:
        """An answer that repeats the key would carry it into errors, the ledger and outputs."""
        return content.replace(self._key.reveal().encode(), repr(self._key).encode())


def _refuse_encoding(reply: httpx.Response) -> dict[str, str]:
    """The headers we read: the body is decoded already, its encoding must not be told again."""
    value = reply.headers.get("retry-after")
    return {"retry-after": value} if value else {}


def build_http_client(
    base_url: str, timeout: float, auth: httpx.Auth | None = None, *, keepalive: int = 20
) -> httpx.AsyncClient:
    """A pool of connections that follows no redirect and keeps no cookie.

    `timeout`: seconds without a word; 10 for making the connection. `keepalive`: how many idle ones
    are kept for the next call.
    """
    # A proxy meant for the outside world must not swallow calls to this machine.
    trust_env = not is_loopback(urlsplit(base_url).hostname)
    places = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    return httpx.AsyncClient(
        auth=auth,
        verify=_certificates(trust_env, *places),
        limits=httpx.Limits(max_connections=100, max_keepalive_connections=keepalive),
        timeout=httpx.Timeout(timeout, connect=min(10.0, timeout), pool=30.0),
        headers={"User-Agent": _AGENT},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        trust_env=trust_env,
    )


@lru_cache(maxsize=4)
def _certificates(trust_env: bool, *_places: str | None) -> ssl.SSLContext:
    """The certificates to trust: read once for each place, since reading them takes a while."""
    return httpx.create_ssl_context(trust_env=trust_env)


def parse_retry_after(reply: httpx.Response) -> float | None:
    """Seconds to wait, from a number or a date; None where the service asked for nothing."""
    value = reply.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def describe_error(error: Exception) -> str:
    """Why a connection failed, in a few words and without an address."""
    words: dict[type[Exception], str] = {
        httpx.ConnectTimeout: "no connection in time",
        httpx.ReadTimeout: "no answer in time",
        httpx.PoolTimeout: "no free connection in time",
        httpx.ConnectError: "connection refused or host not found",
        httpx.ReadError: "the connection was broken off",
        httpx.RemoteProtocolError: "the connection was closed too early",
    }
    return words.get(type(error), " ".join(str(error).split())[:120] or type(error).__name__)
