"""What calls and downloads share: connections without cookies, and plain words for failures."""

from __future__ import annotations

import logging
from collections.abc import Generator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import urlsplit

import httpx

from ..settings import Secret

__all__ = ["Bearer", "connections", "reason", "retry_after"]

# Some hosts of this API refuse clients that do not name themselves.
_AGENT = "Mozilla/5.0 (compatible; liangxin_nb/0.1)"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
# The retry library reports through logging; without a handler that would end up in the cells.
logging.getLogger("stamina").addHandler(logging.NullHandler())


class Bearer(httpx.Auth):
    """Puts the key into the one header at the last moment, so that no variable ever holds it."""

    def __init__(self, key: Secret) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._key.reveal()}"
        yield request


def connections(base_url: str, timeout: float, auth: httpx.Auth | None = None) -> httpx.AsyncClient:
    """A pool of connections that follows no redirect and keeps no cookie.

    `timeout`: seconds without a word; 10 for making the connection.
    """
    return httpx.AsyncClient(
        auth=auth,
        timeout=httpx.Timeout(timeout, connect=min(10.0, timeout), pool=30.0),
        headers={"User-Agent": _AGENT},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        # A proxy meant for the outside world must not swallow calls to this machine.
        trust_env=urlsplit(base_url).hostname not in _LOOPBACK,
    )


def retry_after(reply: httpx.Response) -> float | None:
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


def reason(error: Exception) -> str:
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
