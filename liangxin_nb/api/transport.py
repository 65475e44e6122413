"""HTTP connections without cookies, shared by API requests, uploads and downloads."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx

from ..config.secret import Secret, redact, redact_text
from ..errors import APIConnectionError, LiangxinError
from .codec import redact_callback_urls
from .response_body import BodyDecoder
from .route import NotSentError, Route

__all__ = [
    "CONNECT_S",
    "BearerAuth",
    "IncompleteReplyError",
    "Reply",
    "Transport",
    "build_connection_error",
    "build_http_client",
    "describe_error",
    "is_retryable",
    "parse_retry_after",
]

# Some hosts of this API reject clients without a known user agent.
_AGENT = "Mozilla/5.0 (compatible; liangxin_nb/0.1)"
_MAX_BODY_BYTES = 8 << 20
#: Seconds for a free connection and for connecting.
CONNECT_S = 40.0
_MIN_UPLOAD_RATE = 16_384  # bytes per second that a request body may need
# stamina logs its retries; without a handler the messages would appear in the cells.
logging.getLogger("stamina").addHandler(logging.NullHandler())


class _KeyFilter(logging.Filter):
    """Hides keys in log messages: httpcore logs the headers of answers, which may repeat them."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact_text(record.getMessage()), ()
        return True


for _name in ("httpx", *(f"httpcore.{n}" for n in ("connection", "http11", "proxy", "socks"))):
    logging.getLogger(_name).addFilter(_KeyFilter())


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


class IncompleteReplyError(httpx.TransportError):
    """The response began, but did not end as it should.

    Attributes:
        body: What arrived, without the key.
    """

    def __init__(self, message: str, body: bytes) -> None:
        super().__init__(message)
        self.body = body


class Transport:
    """Sends requests to one origin with the key; follows no redirects.

    Attributes:
        host: The origin's host and port.
    """

    def __init__(self, url: str, key: Secret, timeout: float) -> None:
        self.host: str = urlsplit(url).netloc
        self._url = url
        self._timeout = timeout
        # A server may close an idle connection just when it is reused. A GET is then sent again;
        # for a create it would be unknown whether it arrived, so its connections are not reused.
        self._clients = {
            "GET": build_http_client(timeout, BearerAuth(key)),
            "POST": build_http_client(timeout, BearerAuth(key), keepalive=0),
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

        A response that arrives slowly ends with an error after the timeout in total, and after
        the time for sending a long request at 16 kB per second.

        Args:
            method: GET or POST.
            path: The path below the origin.
            params: The query.
            content: A JSON body.

        Returns:
            The response; the key and callback tokens in it are redacted.

        Raises:
            IncompleteReplyError: If the response ended too early or too late, is damaged or
                longer than 8 MiB.
            NotSentError: If there is no connection.
            InvalidRequestError: If a variable for proxies or certificates has no usable value.
            httpx.HTTPError: If there is no response.
        """
        headers = {"Accept-Encoding": "gzip, deflate"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        request = self._clients[method].build_request(
            method, f"{self._url}{path}", params=params, content=content, headers=headers
        )
        body = bytearray()
        try:
            async with asyncio.timeout(self._timeout + CONNECT_S) as deadline:
                request.extensions["trace"] = self._limit_after_start(deadline, content or b"")
                return await self._send(self._clients[method], request, body)
        except TimeoutError as error:
            if body:
                raise IncompleteReplyError(
                    "no answer in time", _redact(body, is_cut_off=True)
                ) from None
            route: Route = request.extensions["route"]
            if route.is_sent:
                raise httpx.ReadTimeout("") from None
            from .failures import build_not_sent_error  # loads httpcore

            raise build_not_sent_error(error, route) from None
        except IncompleteReplyError as error:
            error.body = _redact(body, is_cut_off=True)
            raise
        except LiangxinError:
            raise
        # Exceptions that httpx does not translate:
        except (OSError, ValueError, httpx.InvalidURL) as error:
            raise httpx.RemoteProtocolError(type(error).__name__) from None

    def _limit_after_start(
        self, deadline: asyncio.Timeout, content: bytes
    ) -> Callable[[str, Any], Awaitable[None]]:
        """Return a hook that starts the time limit when the request is being sent."""
        loop = asyncio.get_running_loop()

        async def on_event(name: str, _info: Any) -> None:
            if name.endswith("send_request_headers.started"):
                limit = self._timeout + len(content) / _MIN_UPLOAD_RATE
                deadline.reschedule(loop.time() + limit)

        return on_event

    async def _send(
        self, client: httpx.AsyncClient, request: httpx.Request, body: bytearray
    ) -> Reply:
        """Send a request and collect the response in `body`."""
        response = await client.send(request, stream=True)
        try:
            decoder = BodyDecoder(response.headers.get("content-encoding", ""), _MAX_BODY_BYTES)
            async for chunk in response.aiter_raw():
                body += decoder.decode(chunk)
            body += decoder.finish()
            if response.has_redirect_location and not body.lstrip().startswith(b"{"):
                # The API never redirects; the login page of a network does.
                location = response.headers["location"].partition("?")[0]
                body[:0] = f"Location: {location} ".encode()
            return Reply(response.status_code, _redact(body), parse_retry_after(response))
        except httpx.HTTPError as error:
            # Without a copy of the body: closing may end with the time limit, and a second error.
            raise IncompleteReplyError(describe_error(error), b"") from None
        finally:
            await response.aclose()


def _redact(body: bytearray, *, is_cut_off: bool = False) -> bytes:
    """Keep keys and callback tokens that the service repeats out of errors and the ledger.

    The body, which may be long, is emptied: its memory is free while the answer is read.
    """
    data = bytes(body)
    body.clear()
    return redact_callback_urls(redact(data, is_cut_off=is_cut_off))


def build_http_client(
    timeout: float,
    auth: httpx.Auth | None = None,
    *,
    keepalive: int = 20,
    transport: httpx.AsyncBaseTransport | None = None,
) -> httpx.AsyncClient:
    """Build a client that follows no redirects and stores no cookies.

    Args:
        timeout: Seconds without any data; at most 10 for connecting.
        auth: Adds the key, if any.
        keepalive: The number of idle connections that are reused.
        transport: Opens the connections. Default: any that the environment's proxies allow.

    Returns:
        The client.
    """
    from .connections import RoutedTransport  # loads httpcore, which a start does not need

    return httpx.AsyncClient(
        auth=auth,
        transport=transport or RoutedTransport(keepalive=keepalive),
        timeout=httpx.Timeout(timeout, connect=min(10.0, timeout), pool=30.0),
        headers={"User-Agent": _AGENT},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        trust_env=False,  # the transport reads the environment
    )


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


def build_connection_error(
    message: str, cause: httpx.HTTPError, *, task_id: str | None = None, next_step: str = ""
) -> APIConnectionError:
    """Return the error for a request without an answer.

    Args:
        message: What happened.
        cause: If it knows a next step, that one is taken.
        task_id: The task that was asked for, if any.
        next_step: What to do otherwise.
    """
    error = APIConnectionError(message, task_id=task_id, next_step=next_step)
    if isinstance(cause, NotSentError):
        error.next_step, error.retryable = cause.next_step, cause.retryable
    return error


def describe_error(error: Exception) -> str:
    """Describe a connection error in a few words, without an address."""
    descriptions: dict[type[Exception], str] = {
        httpx.ReadTimeout: "no answer in time",
        httpx.ReadError: "the connection was broken off",
        httpx.RemoteProtocolError: "the connection was closed too early",
    }
    if str(error) == "illegal request line":  # so h11 calls a control character, as TLS sends it
        return "the answer is not HTTP; perhaps the server speaks https at this port"
    return descriptions.get(type(error), " ".join(str(error).split())[:120] or type(error).__name__)
