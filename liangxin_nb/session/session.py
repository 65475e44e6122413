"""What users do with one service, key, ledger and results folder."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn, Self

from ..config.settings import Settings
from ..core.derivation import NOT_DERIVED, Derivation
from ..core.job_record import JobRecord
from ..core.public import explain_wrong_calls
from ..core.request import DEFAULT_MODEL, OptionValue, Request
from ..core.table import Table
from ..diagnostics import AuditRow, audit
from ..errors import InvalidRequestError
from ..ledger import BatchRecord
from ..ledger.spending import check_limits
from ..polling import PollSchedule
from ..results import Result
from .arguments import check_session_arguments
from .earlier_work import current_cell_id
from .job import Job
from .media_input import Images, image_list
from .parents import derive_from_copy, derive_from_pictures
from .parts import SessionParts
from .request_builder import build_requests, check_generate_call, check_id, reject_keys_in_use

__all__ = ["BaseSession"]

#: The schedule of sessions that get none.
PACE = PollSchedule()

_NO_BALANCE = {
    "sandbox": "The sandbox bills nothing, so there is no balance.",
    "liangxin": "LiangXin documents no request for the balance; its console shows it.",
}


class BaseSession(SessionParts):
    """One service, one key, one ledger and one results folder, joined.

    Nothing is sent or started before it is needed. Also a context manager, synchronous or
    asynchronous, that closes the session at its end.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        schedule: PollSchedule | None = None,
        **arguments: Any,
    ) -> None:
        """Open the ledger and the results folder.

        Args:
            settings: The settings; default `Settings.load(**arguments)`.
            schedule: When to poll; default the documented intervals.
            **arguments: Settings by name, such as `profile="kie"`, `key=…`, `results="folder"`.

        Raises:
            InvalidRequestError: If an argument is wrong, or folder or ledger cannot be used.
        """
        super().__init__(check_session_arguments(settings, schedule, arguments), schedule or PACE)

    @explain_wrong_calls('session.generate("a cafe terrace", model="z-image")')
    def generate(
        self, prompt: str, *, model: str = DEFAULT_MODEL, aspect: str | None = None,
        size: str | None = None, seed: int | None = None,
        image: Images = None, callback: str | None = "",
        reuse: bool | None = None, allow_key_like: bool = False, any_model: bool = False,
        **options: OptionValue,
    ) -> Job:  # fmt: skip
        """Submit one request; see `liangxin_nb.generate`."""
        check_generate_call(prompt, model, options)
        common_options = {"aspect": aspect, "size": size, "seed": seed}
        (request,), _ = build_requests(
            self.settings.profile, prompt, model, common_options=common_options, options=options,
            images=image_list(image), callback=callback, allow_key_like=allow_key_like,
            any_model=any_model,
        )  # fmt: skip
        (job,) = self.submit_each(
            [request], callback=callback, reuse=self.reuses(reuse),
            derivation=derive_from_pictures(self.ledger, image_list(image)),
        )  # fmt: skip
        return job

    def reuses(self, argument: bool | None) -> bool:
        """Return whether saved results are used: as an argument says, else the setting."""
        return self.settings.reuse if argument is None else argument

    def submit_each(
        self, requests: Sequence[Request], *, callback: str | None = "", reuse: bool,
        derivation: Derivation = NOT_DERIVED,
    ) -> Iterator[Job]:  # fmt: skip
        """Submit requests one after the other; with `reuse` only where there is no identical work.

        Raises:
            InvalidRequestError: If one cannot be sent, or exceeds a limit.
        """
        earlier = self.find_identical(requests) if reuse else [None] * len(requests)
        for request, record in zip(requests, earlier, strict=True):
            job = (
                self._earlier_work.start(record)
                if record is not None
                else self.submit(request, callback=callback, derivation=derivation)
            )
            job.is_reusing = reuse
            yield job

    def submit(
        self, request: Request, *, callback: str | None = "", derivation: Derivation = NOT_DERIVED
    ) -> Job:
        """Write a request to the ledger, then send it from the background loop.

        Args:
            request: The request.
            callback: As for `generate`.
            derivation: What it was made from; default: what an identical request was made from.

        Raises:
            InvalidRequestError: If it cannot be sent, or exceeds a limit. Nothing is sent.
        """
        self._exit_guard.check()
        self.loop.get()  # an error of its start comes before anything is written
        cell_id = current_cell_id()
        if running := self._earlier_work.find_running(request, cell_id):
            return running
        if not request.is_complete:
            raise InvalidRequestError(
                "The reference pictures of this request are not stored; nothing was sent.",
                next_step="Pass them again: --image in a cell, or in the panel.",
            )
        callback = self.settings.callback if callback == "" else callback or ""
        reject_keys_in_use(request, callback)
        check_limits(self.ledger, self.settings, request.model)
        strategy = self._reconciler.submission_strategy(callback)
        if not derivation.parent_ids:
            service = self.settings.profile, self.settings.base_url
            derivation = derive_from_copy(self.ledger, request, *service)
        record = self._ownership.new_record(request, derivation)
        submit, collect = strategy(record)
        submit = self._lifecycle.add(record, cell_id, submit)
        return self._jobs.start(record, submit, collect)

    def create_jobs(
        self, requests: Mapping[int, Request], batch: str, batch_record: BatchRecord | None = None,
        derivations: Mapping[int, Derivation] = MappingProxyType({}),
    ) -> list[JobRecord]:  # fmt: skip
        """Write a pending record for each request of a batch; `take_over` sends it.

        Args:
            requests: The requests by their index in the batch.
            batch: The id of the batch.
            batch_record: The batch, if it is new.
            derivations: What the requests were made from, by index.

        Raises:
            InvalidRequestError: If all of them together would exceed a limit. Nothing is written.
        """
        self._exit_guard.check()
        self.loop.get()  # an error of its start comes before anything is written
        reject_keys_in_use(*requests.values())
        check_limits(self.ledger, self.settings, *(request.model for request in requests.values()))
        records = [
            self._ownership.new_record(request, derivations.get(index, NOT_DERIVED)).replace(
                batch_id=batch, batch_index=index
            )
            for index, request in requests.items()
        ]
        return self.ledger.add_batch(batch_record, records)

    def find_identical(self, requests: Sequence[Request]) -> list[JobRecord | None]:
        """Return for each request a record of identical work: saved, running or unconfirmed."""
        return self._earlier_work.find(requests)

    def is_followed(self, record: JobRecord) -> bool:
        """Return whether a session that is alive, such as this one, follows a job."""
        return self._ownership.is_alive(record.owner)

    def is_followed_elsewhere(self, record: JobRecord) -> bool:
        """Return whether another session that is alive follows a job."""
        return self._ownership.owned_elsewhere(record)

    def credits(self) -> float:
        """Return the account's balance in credits; see `liangxin_nb.credits`."""
        if self.settings.profile != "kie":
            raise InvalidRequestError(_NO_BALANCE[self.settings.profile])
        return self.loop.submit(self._balance()).result()

    async def _balance(self) -> float:
        return await (await self._connect()).get_balance()

    @explain_wrong_calls('session.resume() or session.resume("ID")')
    def resume(self, job_id: str = "") -> list[Job]:
        """Follow every unfinished task of the ledger; see `liangxin_nb.resume`."""
        check_id(job_id)
        return self._resumer.resume(job_id)

    def take_over(self, record: JobRecord) -> Job | None:
        """Send a pending record, or follow a submitted one.

        Returns:
            The job, or None if another running notebook follows the record.
        """
        return self._resumer.take_over(record)

    def reconcile(self) -> None:
        """Mark what an ended process was sending, and confirm tasks that callbacks have named."""
        self._resumer.reconcile()

    @explain_wrong_calls('session.attach("TASK_ID")')
    def attach(self, task_id: str) -> Job:
        """Follow any task of this key; see `liangxin_nb.attach`."""
        check_id(task_id)
        return self._resumer.attach(task_id)

    def recover(self, notebook: str | Path) -> list[Job]:
        """Follow every task with an id in the outputs of a notebook file.

        Raises:
            InvalidRequestError: If the file cannot be read or is not a notebook.
        """
        return self._resumer.recover(notebook)

    @explain_wrong_calls('session.history("terrace", limit=10)')
    def history(self, search: str = "", limit: int | None = None) -> Table:
        """Return the ledger as a table; see `liangxin_nb.history`."""
        reject_keys_in_use(search)
        return self.ledger.history(search=search, limit=limit)

    def audit(self) -> list[AuditRow]:
        """Count the jobs in the ledger by what became of them."""
        self.reconcile()
        return audit(self.ledger, self.results, self._ownership.is_alive)

    def get_record(self, job_id: str) -> JobRecord:
        """Return the record of a task id or record id.

        Raises:
            InvalidRequestError: If it is not in the ledger.
        """
        check_id(job_id)
        return self._resumer.get_record(job_id)

    def result(self, record: JobRecord) -> Result:
        """Return the saved result of a record.

        Raises:
            InvalidRequestError: If the record has none.
            ResultUnavailableError: If its files are gone.
        """
        if not record.folder:
            raise InvalidRequestError(
                f"{record.id} has no saved result: it is {record.status}.", next_step=record.reason
            )
        return self.results.load(record.folder)

    def job(self, job_id: str) -> Job | None:
        """Return the running job of a record id or task id, if this session follows it."""
        record = self.ledger.find(job_id)
        return self._jobs.get(record) if record else None

    def follow(self, record: JobRecord) -> Job:
        """Follow a job that another process follows, and take it over if that has ended."""
        return self._jobs.start(record, None, self._follower.follow)

    def active(self) -> list[Job]:
        """Return the jobs that this session follows now."""
        return self._jobs.active()

    def count_owned_elsewhere(self) -> int:
        """Return how many unfinished tasks other running notebooks follow."""
        return sum(self._ownership.owned_elsewhere(record) for record in self.ledger.resumable())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.close)

    def __reduce__(self) -> NoReturn:
        raise InvalidRequestError(
            "A Session cannot be pickled: its key stays in its process.",
            next_step="Open one in the other process: lx.Session(results="
            f"{str(self.settings.results)!r}), with the key in LIANGXIN_API_KEY.",
        )
