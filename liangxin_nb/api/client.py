"""The API client: createTask, recordInfo, and KIE's balance and link requests."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self, TypeVar

import httpx
import stamina

from ..config.settings import Secret
from ..core.outcomes import CreateAnswer, CreateDecision, CreateOutcome, decide_create
from ..core.request import Request
from ..core.task import TaskRecord
from ..errors import APIConnectionError, APIError, LiangxinError, RateLimitError
from .codec import create_body, find_task_id, link_body, parse_balance, parse_link, read_create
from .codec import parse_record as parse_task_record
from .downloads import Downloader
from .route import NotSentError
from .transport import IncompleteReplyError, Transport, build_connection_error, describe_error
from .uploads import Uploader

__all__ = ["Client", "CreatedTask", "RateLimiter"]

_T = TypeVar("_T")
_CREATE, _RECORD = "/api/v1/jobs/createTask", "/api/v1/jobs/recordInfo"
_CREDIT, _LINK = "/api/v1/chat/credit", "/api/v1/common/download-url"
_MAX_PAUSE_S = 60.0
_LOOK_UP = "It is not sent again automatically; %liangxin doctor says how to look it up."
_CHANGE = "Change the prompt or the options, then run the cell again."
_CHECK_MODEL = "Check the name of the model and the API address."
#: What to do about a rejected create, where the error itself does not say it.
_NEXT_STEPS = {
    **dict.fromkeys((400, 422), _CHANGE),
    **dict.fromkeys((404, 405), _CHECK_MODEL),
    413: "Pass fewer or smaller reference pictures.",
    415: "Pass reference pictures as PNG or JPEG.",
    505: "The service has switched this off; choose another model: %liangxin models.",
}


class CreatedTask(NamedTuple):
    """The answer to a successful createTask request.

    Attributes:
        task_id: The service's task id.
        note: What was unusual about the answer; usually empty.
    """

    task_id: str
    note: str = ""


class RateLimiter(Protocol):
    """The part of the shared rate limiter that creates use."""

    async def acquire_create(self) -> str:
        """Wait until one task may be created."""

    async def back_off(self, call: str, seconds: float | None) -> None:
        """Pause a kind of request for as long as a 429 response asks; None if it does not say."""


class Client:
    """An API client for one service and one key; for the background loop only."""

    def __init__(
        self, base_url: str, key: Secret, *, timeout: float = 60.0, upload_url: str = ""
    ) -> None:
        """Create a client; connections are opened when they are needed.

        Args:
            base_url: The API's address.
            key: The API key.
            timeout: Seconds without any data from the service after which a request fails.
            upload_url: Where reference images are uploaded, for services that do not accept them
                in the request.
        """
        self.base_url = base_url
        self._uploader = Uploader(upload_url, key, timeout) if upload_url else None
        self._transport = Transport(base_url, key, timeout)
        self._downloader = Downloader(base_url, timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        if self._uploader:
            await self._uploader.close()
        await self._transport.close()
        await self._downloader.close()

    async def create(
        self, request: Request, *, callback_url: str = "", limiter: RateLimiter | None = None
    ) -> CreatedTask:
        """Send createTask.

        The request is sent again only if it provably did not arrive, or was rejected with status
        429 and no task id. Reference images are uploaded first where the service requires it.

        Args:
            request: The model, prompt and options.
            callback_url: The URL that the service calls when the task ends.
            limiter: Informed about 429 responses, and waited for before sending again.

        Returns:
            The task that the service names, whatever the status of its answer.

        Raises:
            APIError: If the service rejected the request.
            APIConnectionError: If there was no readable response; with `maybe_created` set if a
                task may exist.
        """
        if self._uploader:
            request = await self._uploader.upload_references(request)
        body = create_body(request, callback_url)
        async for attempt in stamina.retry_context(on=_may_resend, attempts=4, timeout=90):
            with attempt:
                if limiter and attempt.num > 1:
                    await limiter.acquire_create()
                try:
                    return await self._create_once(body)
                except RateLimitError as error:
                    if limiter:
                        await limiter.back_off("createTask", error.retry_after)
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def get_task(self, task_id: str) -> TaskRecord:
        """Send recordInfo, once.

        Args:
            task_id: The service's task id.

        Returns:
            The task record.

        Raises:
            APIError: If the service rejected the request.
            APIConnectionError: If there was no response.
        """
        try:
            parse = partial(parse_task_record, origin=self.base_url)
            record = await self._request(parse, "GET", _RECORD, task_id, params={"taskId": task_id})
            if record.task_id not in ("", task_id.strip()):
                raise APIError(
                    f"The answer is about another task ({record.task_id[:80]}).",
                    status=502,
                    is_api_answer=False,
                )
        except APIError as error:
            error.task_id = task_id
            raise
        return record

    async def get_balance(self) -> float:
        """Return the account's balance in credits.

        Source: KIE's chat/credit page; other services have no such request.

        Raises:
            APIError: If the service rejected the request.
            APIConnectionError: If there was no response.
        """
        return await self._request(parse_balance, "GET", _CREDIT)

    async def refresh_link(self, url: str) -> str:
        """Return a new link to a task output; it is valid for 20 minutes.

        Source: KIE's download-url page; other services have no such request.

        Args:
            url: The expired link.

        Raises:
            APIError: If the service rejected the request, such as for a URL that is not an output.
            APIConnectionError: If there was no response.
        """
        return await self._request(parse_link, "POST", _LINK, content=link_body(url))

    async def download(self, url: str, target: Path) -> str:
        """Download a task output and return its declared Content-Type; see `Downloader.fetch`."""
        return await self._downloader.fetch(url, target)

    async def _request(
        self,
        parse: Callable[[int, bytes, float | None], _T],
        method: str,
        path: str,
        task_id: str | None = None,
        **arguments: Any,
    ) -> _T:
        """Send a request that creates nothing, and parse its response."""
        try:
            return parse(*await self._transport.request(method, path, **arguments))
        except httpx.HTTPError as error:
            raise self._connection_error(error, task_id) from None

    async def _create_once(self, body: bytes) -> CreatedTask:
        """Send createTask once, and raise what `decide_create` says about the answer."""
        error: APIError | httpx.HTTPError
        try:
            reply = await self._transport.request("POST", _CREATE, content=body)
            answer, error = read_create(*reply)
        except IncompleteReplyError as incomplete:
            answer, error = CreateAnswer(None, task_id=find_task_id(incomplete.body)), incomplete
        except httpx.HTTPError as failure:
            was_sent = not isinstance(failure, NotSentError)
            answer, error = CreateAnswer(None, was_sent=was_sent), failure
        decision = decide_create(answer)
        if decision.outcome == CreateOutcome.SUBMITTED:
            return CreatedTask(answer.task_id, _describe_unusual(answer, decision))
        raise self._to_create_error(decision, error) from None

    def _to_create_error(
        self, decision: CreateDecision, error: APIError | httpx.HTTPError
    ) -> LiangxinError:
        """Return the error for a create that was rejected, or may have created a task."""
        if decision.outcome == CreateOutcome.REJECTED:
            if isinstance(error, httpx.HTTPError):
                return self._connection_error(error)
            error.next_step = error.next_step or _NEXT_STEPS.get(error.number, "")
            return _to_rate_limit_error(error) if decision.may_resend else error
        if isinstance(error, APIError):
            start = error.message
        elif isinstance(error, IncompleteReplyError):
            start = f"The answer of {self._transport.host} cannot be read ({error}):"
        else:
            start = f"No answer from {self._transport.host} ({describe_error(error)}):"
        joint = "A" if isinstance(error, APIError) else "a"
        return APIConnectionError(
            f"{start} {joint} task may have been created, and may be billed.",
            maybe_created=True,
            next_step=_LOOK_UP,
        )

    def _connection_error(
        self, error: httpx.HTTPError, task_id: str | None = None
    ) -> APIConnectionError:
        note = "" if task_id else " Nothing was sent, nothing was billed."
        problem = f"{self._transport.host} cannot be reached ({describe_error(error)})"
        if isinstance(error, IncompleteReplyError):
            problem = f"The answer of {self._transport.host} cannot be read ({error})"
        next_step = "Check the connection, then try again."
        return build_connection_error(
            f"{problem}.{note}", error, task_id=task_id, next_step=next_step
        )


def _may_resend(error: Exception) -> bool | float:
    """Return whether a create may be sent again; as a number, after how many seconds."""
    if isinstance(error, RateLimitError):
        return error.retry_after is None or min(max(error.retry_after, 0.1), _MAX_PAUSE_S)
    return isinstance(error, APIConnectionError) and error.retryable and not error.maybe_created


def _describe_unusual(answer: CreateAnswer, decision: CreateDecision) -> str:
    """Describe an answer that names a task but reports no success."""
    if not decision.is_unusual:
        return ""
    if answer.status is None:
        return "The answer was incomplete, but it names the task."
    code = "" if answer.code is None else f" and code {answer.code}"
    return f"The answer had HTTP status {answer.status}{code}, but it names the task."


def _to_rate_limit_error(error: APIError) -> RateLimitError:
    """Return the error of a 429 response, also of one that is not the API's own."""
    if isinstance(error, RateLimitError):
        return error
    return RateLimitError(
        error.message,
        status=error.status,
        code=error.code,
        retry_after=error.retry_after,
        next_step="Wait a moment, then run the cell again.",
    )
