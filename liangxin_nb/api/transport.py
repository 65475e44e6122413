"""HTTP connections without cookies, shared by API requests, uploads and downloads."""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Generator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx

from ..config.settings import Secret
from ..core.hosts import is_loopback
from ..errors import LiangxinError
from .codec import redact_callback_urls

__all__ = [
    "BearerAuth",
    "Reply",
    "Transport",
    "build_http_client",
    "describe_error",
    "is_retryable",
    "parse_retry_after",
]

# Some hosts of this API reject clients without a known user agent.
_AGENT = "Mozilla/5.0 (compatible; liangxin_nb/0.1)"
_MAX_BODY_BYTES = 8 << 20
# stamina logs its retries; without a handler the messages would appear in the cells.
logging.getLogger("stamina").addHandler(logging.NullHandler())


class BearerAuth(httpx.Auth):
    """Adds the key to the Authorization header as late as possible; no variable holds it."""

    def __init__(self, key: Secret) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the Authorization header."""
        request.headers["Authorization"] = f"Bearer {self._key.reveal()}"
        yield request


class Reply(NamedTuple):
    """A response, read completely and without the key."""

    status: int
    body: bytes
    retry_after: float | None


class Transport:
    """Sends requests to one origin with the key; follows no redirects.

    Attributes:
        host: The origin's host and port.
    """

    def __init__(self, url: str, key: Secret, timeout: float) -> None:
        self.host: str = urlsplit(url).netloc
        self._url = url
        self._key = key
        # A server may close an idle connection just when it is reused. A GET is then sent again;
        # for a create it would be unknown whether it arrived, so its connections are not reused.
        self._clients = {
            "GET": build_http_client(url, timeout, BearerAuth(key)),
            "POST": build_http_client(url, timeout, BearerAuth(key), keepalive=0),
        }

    async def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            await client.aclose()

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        content: bytes | None = None,
    ) -> Reply:
        """Send one request and read the response.

        Args:
            method: GET or POST.
            path: The path below the origin.
            params: The query.
            content: A JSON body.

        Returns:
            The response; the key and callback tokens in it are redacted.

        Raises:
            httpx.HTTPError: If there is no response, or it is longer than 8 MiB.
        """
        headers = {"Content-Type": "application/json"} if content is not None else {}
        arguments: dict[str, Any] = {"params": params, "content": content, "headers": headers}
        url = f"{self._url}{path}"
        async with self._clients[method].stream(method, url, **arguments) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > _MAX_BODY_BYTES:
                    raise httpx.DecodingError("the answer is longer than 8 MiB")
            redacted = redact_callback_urls(self._redact_key(bytes(body)))
            return Reply(response.status_code, redacted, parse_retry_after(response))

    def _redact_key(self, body: bytes) -> bytes:
        """Keep a key that the service repeats out of errors, the ledger and outputs."""
        return body.replace(self._key.reveal().encode(), repr(self._key).encode())


def build_http_client(
    base_url: str, timeout: float, auth: httpx.Auth | None = None, *, keepalive: int = 20
) -> httpx.AsyncClient:
    """Build a connection pool that follows no redirects and stores no cookies.

    Args:
        base_url: The origin; proxies are not used for this machine.
        timeout: Seconds without any data; at most 10 for connecting.
        auth: Adds the key, if any.
        keepalive: The number of idle connections that are reused.

    Returns:
        The client.
    """
    trust_env = not is_loopback(urlsplit(base_url).hostname)
    ca_paths = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    return httpx.AsyncClient(
        auth=auth,
        verify=_load_certificates(trust_env, *ca_paths),
        limits=httpx.Limits(max_connections=100, max_keepalive_connections=keepalive),
        timeout=httpx.Timeout(timeout, connect=min(10.0, timeout), pool=30.0),
        headers={"User-Agent": _AGENT},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        trust_env=trust_env,
    )


@lru_cache(maxsize=4)
def _load_certificates(trust_env: bool, *_ca_paths: str | None) -> ssl.SSLContext:
    """Load the trusted certificates, which is slow, once for each environment."""
    return httpx.create_ssl_context(trust_env=trust_env)


def parse_retry_after(response: httpx.Response) -> float | None:
    """Parse the Retry-After header.

    Args:
        response: Its header may be a number of seconds or a date.

    Returns:
        Seconds to wait; None without a valid header.
    """
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def is_retryable(error: Exception) -> bool:
    """Return whether a request that creates no task can be sent again after an error."""
    return isinstance(error, LiangxinError) and error.retryable


def describe_error(error: Exception) -> str:
    """Describe a connection error in a few words, without an address."""
    descriptions: dict[type[Exception], str] = {
        httpx.ConnectTimeout: "no connection in time",
        httpx.ReadTimeout: "no answer in time",
        httpx.PoolTimeout: "no free connection in time",
        httpx.ConnectError: "connection refused or host not found",
        httpx.ReadError: "the connection was broken off",
        httpx.RemoteProtocolError: "the connection was closed too early",
    }
    return descriptions.get(type(error), " ".join(str(error).split())[:120] or type(error).__name__)
