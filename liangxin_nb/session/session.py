"""The one place that joins the parts: settings, catalogue, ledger, results, client, scheduler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config.settings import Settings
from ..core.job_record import JobRecord
from ..core.request import Request
from ..core.table import Table
from ..diagnostics import AuditRow, audit
from ..engine import TaskLifecycle
from ..engine.background_loop import BackgroundLoop
from ..engine.callback_reconciler import CallbackReconciler
from ..engine.client_provider import ClientProvider
from ..engine.ownership import Ownership
from ..errors import InvalidRequestError
from ..ledger import BatchRecord, Ledger
from ..ledger.reports import history_table
from ..ledger.spending import check_limits
from ..polling import Poller, PollSchedule
from ..ratelimit import SharedRateLimiter
from ..results import Result, ResultStore
from .job import Job
from .job_registry import JobRegistry
from .request_builder import build_requests
from .resume import TaskResumer

if TYPE_CHECKING:
    from ..callbacks import CallbackChannel

__all__ = ["Session"]

#: The pace of sessions that are given none.
PACE = PollSchedule()

_NO_BALANCE = {
    "sandbox": "The sandbox bills nothing, so there is no balance.",
    "liangxin": "LiangXin documents no way to ask for the balance; its console shows it.",
}


class Session:
    """One service, one key, one folder; sends nothing and starts nothing before it is used.

    `settings`: default `Settings.load(**arguments)`; `schedule`: default the documented one. Raises
    `InvalidRequestError` when the folder or the ledger cannot be used.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        schedule: PollSchedule | None = None,
        **arguments: Any,
    ) -> None:
        self.settings = settings or Settings.load(**arguments)
        self.loop = BackgroundLoop()
        self.results = ResultStore(self.settings.results)
        self.ledger = Ledger(self.settings.ledger or self.settings.results / "ledger.sqlite")
        schedule, patience = schedule or PACE, self.settings.patience
        limiter = SharedRateLimiter(schedule, self.settings.budget)
        self._connect = ClientProvider(self.settings, limiter)
        poller, parts = Poller(schedule, limiter), (self._connect, self.ledger)
        self._lifecycle = TaskLifecycle(
            *parts, self.results, poller.follow, limiter, schedule=schedule, patience=patience
        )
        line = partial(_make_channel, self.settings)
        self._reconciler = CallbackReconciler(
            self._lifecycle,
            *parts,
            line,
            poller.poll_now,
            acquire_poll=limiter.acquire_poll,
            patience=patience,
        )
        self._jobs, self._ownership = JobRegistry(self.loop), Ownership(self.settings, self.results)
        self._resumer = TaskResumer(
            self.settings, self.loop, self.ledger, self.results, self._lifecycle, self._reconciler,
            self._jobs, self._ownership, self.get_record,
        )  # fmt: skip

    # ---- asking for pictures

    def generate(
        self,
        prompt: str,
        *,
        model: str = "z-image",
        aspect: str | None = None,
        size: str | None = None,
        seed: int | None = None,
        image: Any = None,
        callback: str | None = "",
        reuse: bool = False,
        **options: Any,
    ) -> Job:
        """Asks for one picture and returns its job at once.

        `prompt`: taken literally; `model`: its name; `aspect`, `size`, `seed`: in people's words;
        `image`: a reference picture or a list of them; `callback`: `auto`, a URL of one's own,
        None to poll only, default what the settings say; `reuse`: identical work that is kept on
        this disk is taken from there; `options`: the model's inputs by their own names, such as
        `image_size="square_hd"`. Raises `InvalidRequestError` before anything is sent.
        """
        plain = {"aspect": aspect, "size": size, "seed": seed}
        profile = self.settings.profile
        images = image if isinstance(image, list | tuple) else [] if image is None else [image]
        (request,), _ = build_requests(
            profile, prompt, model, common_options=plain, options=options, images=images
        )
        return self.submit(request, callback=callback, reuse=reuse)

    def submit(self, request: Request, *, callback: str | None = "", reuse: bool = False) -> Job:
        """Writes the request's job record into the ledger, then sends it from the private loop.

        `callback`, `reuse`: as in `generate`. Raises `InvalidRequestError` before anything is sent,
        also for a request read from the ledger whose reference pictures are not at hand.
        """
        if reuse and (kept := self.find_identical([request])[0]):
            return self._resumer.reuse(kept)
        if not request.is_complete:
            raise InvalidRequestError(
                "The reference pictures of this request are not written down; nothing was sent.",
                next_step="Give them again: --image in a cell, or in the panel.",
            )
        wish = self.settings.callback if callback == "" else callback or ""
        self._reject_key(f"{request.input} {wish}")
        check_limits(self.ledger, self.settings, request.model)
        way = self._reconciler.submission_strategy(wish)
        record = self.ledger.create(
            request, self.settings.profile, self.settings.base_url, self._ownership.id
        )
        return self._jobs.start(record, *way(record))

    def create_jobs(
        self, requests: Mapping[int, Request], batch: str, batch_record: BatchRecord | None = None
    ) -> list[JobRecord]:
        """A job record for each of a batch's `requests`, on disk before the first is sent by
        `take_over`.

        `batch_record`: the batch itself, where it is new. Raises `InvalidRequestError` and writes
        nothing when all of them together would cross a limit.
        """
        for request in requests.values():
            self._reject_key(str(request.input))
        check_limits(self.ledger, self.settings, *(request.model for request in requests.values()))
        records = [
            JobRecord.new(
                request, self.settings.profile, self.settings.base_url, self._ownership.id
            ).replace(batch_id=batch, batch_index=place)
            for place, request in requests.items()
        ]
        self.ledger.add_batch(batch_record, records)
        return records

    def find_identical(self, requests: Sequence[Request]) -> list[JobRecord | None]:
        """For each request a record of identical work that is kept on this disk, each only once."""
        return self._resumer.find_identical(requests)

    def credits(self) -> float:
        """The account's balance as the service tells it; blocks for one question.

        Raises `InvalidRequestError` where no service documents how to ask: LiangXin, and the
        sandbox.
        """
        if self.settings.profile != "kie":
            raise InvalidRequestError(_NO_BALANCE[self.settings.profile])
        return self.loop.submit(self._balance()).result()

    async def _balance(self) -> float:
        return await (await self._connect()).get_balance()

    # ---- what was asked for earlier

    def resume(self, id: str = "") -> list[Job]:
        """Takes up every unfinished task of this ledger and service, or the one of that id.

        What another living notebook follows is left to it. Raises `InvalidRequestError` for an id
        that has nothing to collect.
        """
        return self._resumer.resume(id)

    def take_over(self, record: JobRecord) -> Job | None:
        """The job of one record: an intent is sent, an accepted task collected.

        None when another living notebook looks after it, or was quicker.
        """
        return self._resumer.take_over(record)

    def reconcile(self) -> None:
        """Settles what a dead process left, and accepts lost job records that calls have named."""
        self._resumer.reconcile()

    def attach(self, task_id: str) -> Job:
        """A job for any `task_id` of this key; the prompt is read back from the service.

        A task that the ledger knows is taken from there, kept results from the disk.
        """
        return self._resumer.attach(task_id)

    def recover(self, notebook: str | Path) -> list[Job]:
        """A job for every task id that a notebook file carries, on whatever machine it was made.

        Raises `InvalidRequestError` when the file cannot be read or is no notebook.
        """
        return self._resumer.recover(notebook)

    def history(self, *, search: str = "", limit: int | None = None) -> Table:
        """The ledger as a table: `search` looks into the prompts, `limit` rows, default all."""
        return history_table(self.ledger, search=search, limit=limit)

    def audit(self) -> list[AuditRow]:
        """What became of everything that was asked for, kind by kind."""
        self.reconcile()
        return audit(self.ledger, self.results, self._ownership.is_alive)

    def get_record(self, id: str) -> JobRecord:
        """The ledger's job record of a task id or job record id.

        Raises `InvalidRequestError` without one.
        """
        found = self.ledger.find(id)
        if found is None:
            raise InvalidRequestError(
                f"{id!r} is not in the ledger {self.ledger.location!r}.",
                next_step="%liangxin tasks lists what is.",
            )
        return found

    def result(self, record: JobRecord) -> Result:
        """Return the saved result of a record.

        Raises `InvalidRequestError` or `ResultUnavailableError` when nothing is.
        """
        if not record.folder:
            raise InvalidRequestError(
                f"Nothing is kept of {record.id}: it is {record.status}.", next_step=record.reason
            )
        return self.results.load(record.folder)

    def job(self, id: str) -> Job | None:
        """The job that this session follows under a job record id or task id."""
        record = self.ledger.find(id)
        return self._jobs.get(record) if record else None

    def active(self) -> list[Job]:
        """The jobs that are followed now."""
        return self._jobs.active()

    def count_owned_elsewhere(self) -> int:
        """How many unfinished tasks another living notebook follows."""
        return sum(self._ownership.owned_elsewhere(record) for record in self.ledger.resumable())

    def _reject_key(self, text: str) -> None:
        """A key that stands in a prompt would go into the ledger, the story and the notebook."""
        key = self.settings.key
        if key is not None and len(key.reveal()) >= 8 and key.reveal() in text:
            raise InvalidRequestError(
                "The prompt or an option holds your API key; nothing was sent.",
                next_step="Take it out, and out of the notebook too.",
            )

    def close(self) -> None:
        """Leaves every job and gives the sandbox back; unfinished tasks stay in the ledger."""
        jobs = self.active()
        for job in jobs:
            job.detach()
        self._connect.release()
        self._ownership.release()
        self.loop.submit(self._disconnect(jobs))

    async def _disconnect(self, jobs: Sequence[Job]) -> None:
        """Closes the connections once what is on its way has been answered."""
        for job in jobs:
            with suppress(Exception):  # whoever waits for the job is given its error
                await job
        await self._connect.close()
        self.ledger.close()


def _make_channel(settings: Settings) -> CallbackChannel:
    from ..callbacks import CallbackChannel  # only where calls are asked for

    return CallbackChannel(local=settings.local, patience=settings.patience)
