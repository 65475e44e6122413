"""Download the outputs of a task: patient while they may still come, and each one on its own."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..api import Client
from ..core.job_record import LATE_NOTE, JobRecord
from ..core.task import TaskOutput, TaskRecord
from ..errors import APIError, LiangxinError, ResultUnavailableError
from ..ratelimit import SharedRateLimiter
from ..results import StagedResult

__all__ = ["PATIENCE_S", "FetchedOutputs", "OutputFetcher"]

#: Seconds after the end of a task during which its outputs may still appear.
PATIENCE_S = 180.0
_PAUSES_S = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)  # the last one is repeated


@dataclass
class FetchedOutputs:
    """What a fetch has brought.

    Attributes:
        task: The newest answer of the service.
        numbers: The outputs, from 1, that were downloaded now.
        errors: Why an output was not downloaded, by its number.
        trouble: Why the service could not return new links, or None.
        may_still_come: Whether the patience ends before outputs stop appearing.
    """

    task: TaskRecord
    numbers: set[int] = field(default_factory=set)
    errors: dict[int, LiangxinError] = field(default_factory=dict)
    trouble: LiangxinError | None = None
    may_still_come: bool = False

    @property
    def missing(self) -> tuple[Mapping[str, Any], ...]:
        """The needed outputs that were not downloaded, for the metadata."""
        return tuple(
            {"number": n, "kind": self.task.outputs[n - 1].kind, "reason": self.errors[n].message}
            for n in sorted(self.errors)
            if _is_needed(self.task, n)
        )

    def first_error(self) -> LiangxinError:
        """Return the error if nothing was downloaded; one that may pass takes precedence."""
        errors = [self.errors[n] for n in sorted(self.errors)]
        if self.trouble is not None:
            return self.trouble
        lasting = (error for error in errors if not isinstance(error, ResultUnavailableError))
        error = next(lasting, errors[0])
        if isinstance(error, ResultUnavailableError):
            error.retryable &= self.may_still_come
            if error.retryable:
                error.next_step = "%liangxin resume tries again."
        return error


class OutputFetcher:
    """Downloads the outputs of one task."""

    def __init__(
        self,
        client: Client,
        record: JobRecord,
        limiter: SharedRateLimiter,
        on_wait: Callable[[str], None] = lambda _: None,
        patience: float = math.inf,
    ) -> None:
        self._client = client
        self._record = record
        self._limiter = limiter
        self._on_wait = on_wait
        self._patience = patience

    async def fetch(
        self, staged: StagedResult, task: TaskRecord, saved: frozenset[int]
    ) -> FetchedOutputs:
        """Download every output that is not saved yet.

        Failed downloads are repeated with the links of a new answer, with KIE's new links, and
        then with pauses while the task has ended less than `PATIENCE_S` ago and the patience lasts.

        Args:
            staged: Where the files are written.
            task: The service's answer.
            saved: The numbers of outputs, from 1, that are on disk.

        Returns:
            What was downloaded, and why the rest was not.
        """
        fetched = FetchedOutputs(task)
        remaining = _remaining_patience(self._record, task)
        fetched.may_still_come = remaining > self._patience
        steps = self._steps(time.monotonic() + min(remaining, self._patience))
        while True:
            await self._download_all(staged, fetched, saved)
            if fetched.task.outputs and not fetched.missing:
                break
            step = next(steps, None)
            if step is None or not await step(fetched):
                break
        needed = {n for n in fetched.numbers if _is_needed(fetched.task, n)}
        if not needed and not saved:
            fetched.numbers.clear()  # the first frame alone is not the result
        return fetched

    def _steps(self, deadline: float) -> Iterator[Callable[[FetchedOutputs], Awaitable[bool]]]:
        """Yield what to do before each further attempt; each says whether to try again."""
        yield self._refresh_task
        if self._record.profile == "kie":
            yield self._refresh_links
        for n in range(1000):
            pause = _PAUSES_S[min(n, len(_PAUSES_S) - 1)]
            if time.monotonic() + pause > deadline:
                return

            async def wait_and_refresh(fetched: FetchedOutputs, pause: float = pause) -> bool:
                may_come = [error.retryable for error in fetched.errors.values()]
                if may_come and not any(may_come):
                    return False
                self._on_wait(f"{LATE_NOTE}; next attempt in {pause:.0f} s.")
                await asyncio.sleep(pause)
                return await self._refresh_task(fetched)

            yield wait_and_refresh

    async def _refresh_task(self, fetched: FetchedOutputs) -> bool:
        """Ask the service for the task again: its links may be new, or named only now."""
        await self._limiter.acquire_poll()
        try:
            task = await self._client.get_task(self._record.task_id)
        except LiangxinError as error:
            if not (isinstance(error, APIError) and error.is_task_unknown):
                fetched.trouble = error
            return True
        fetched.trouble = None
        old = fetched.task.outputs
        if task.state == "success" and (len(task.outputs) == len(old) or not fetched.numbers):
            fetched.task = task if task.outputs else replace(task, outputs=old)
            if len(task.outputs) not in (0, len(old)):
                fetched.errors.clear()
        return True

    async def _refresh_links(self, fetched: FetchedOutputs) -> bool:
        """Get a new link for each failed output, if the service makes one.

        Source: KIE's front page says that files are stored for two weeks; its links are reported
        to expire after a day. The page of download-url describes how to get a new one.
        """
        outputs = list(fetched.task.outputs)
        for n in fetched.errors:
            await self._limiter.acquire_poll()
            try:
                url = await self._client.refresh_link(outputs[n - 1].url)
            except LiangxinError:
                continue
            outputs[n - 1] = replace(outputs[n - 1], url=url)
        is_new = tuple(outputs) != fetched.task.outputs
        fetched.task = replace(fetched.task, outputs=tuple(outputs))
        return is_new or not fetched.task.outputs

    async def _download_all(
        self, staged: StagedResult, fetched: FetchedOutputs, saved: frozenset[int]
    ) -> None:
        """Try each output that is not there yet, all at the same time."""
        outputs = dict(enumerate(fetched.task.outputs, 1))
        wanted = [n for n in outputs if n not in fetched.numbers and n not in saved]
        # Wait for all of them even if one fails: the next attempt writes to the same files.
        downloads = (self._download(staged, n, outputs[n]) for n in wanted)
        errors = await asyncio.gather(*downloads, return_exceptions=True)
        for n, error in zip(wanted, errors, strict=True):
            fetched.errors.pop(n, None)
            if error is None:
                fetched.numbers.add(n)
            elif isinstance(error, LiangxinError):
                fetched.errors[n] = error
            else:
                raise error

    async def _download(self, staged: StagedResult, n: int, output: TaskOutput) -> None:
        """Write one output to a file, from its link or from the text in the answer."""
        path, content_type = staged.part_path(n), ""
        try:
            if output.text:
                await asyncio.to_thread(path.write_text, output.text, encoding="utf-8")
            else:
                content_type = await self._client.download(output.url, path) or ""
            await asyncio.to_thread(staged.check, n, output, content_type)
        except LiangxinError:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            raise


def _is_needed(task: TaskRecord, n: int) -> bool:
    """Return whether output `n` is a main one, not for example the first frame of a film."""
    secondary = [output.is_secondary for output in task.outputs]
    return all(secondary) or not secondary[n - 1]


def _remaining_patience(record: JobRecord, task: TaskRecord) -> float:
    """Return for how many seconds outputs may still appear.

    The service's clock may be wrong: the task did not end before the job was created here.
    """
    now = time.time()
    since_creation = max(0.0, now - record.created_at)
    since_end = max(0.0, now - task.completed_ms / 1000) if task.completed_ms else since_creation
    return max(0.0, PATIENCE_S - min(since_end, since_creation))
