"""The one place that joins the parts: settings, catalogue, ledger, results, client, scheduler."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import catalog
from .client import Client
from .errors import InvalidRequest
from .job import Job
from .ledger import Ledger
from .life import Life
from .loop import Loop
from .pacing import Pace
from .request import Request
from .results import Result, Results
from .sandbox.launch import Launcher
from .scheduler import Scheduler
from .settings import Secret, Settings
from .ticket import Status, Ticket

__all__ = ["Session", "current", "use"]


class Session:
    """One service, one key, one folder; opens nothing and starts nothing before it is used.

    `settings`: default `Settings.load(**arguments)`; `pace`: default the documented one. Raises
    `InvalidRequest` when the folder or the ledger cannot be used.
    """

    def __init__(
        self, settings: Settings | None = None, *, pace: Pace | None = None, **arguments: Any
    ) -> None:
        self._pace = pace or Pace()
        self.settings = settings or Settings.load(**arguments)
        self.loop = Loop()
        self.results = Results(self.settings.results)
        self.ledger = Ledger(self.settings.ledger or self.settings.results / "ledger.sqlite")
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._life: Life | None = None
        self._launcher = Launcher(self.settings.results / ".sandbox", speed=self.settings.speed)

    # ---- asking for pictures

    def request(
        self,
        prompt: str,
        model: str,
        *,
        plain: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> tuple[Request, list[str]]:
        """A checked request and the notes to show with it; nothing is sent.

        `plain`: aspect, size and seed in people's words; `options`: the model's inputs by their
        own names. Raises `InvalidRequest`.
        """
        chosen = catalog.model(self.settings.profile, model)
        wire, notes = catalog.checked(chosen, plain or {}, options or {})
        return Request(model, prompt, wire), notes

    def generate(
        self,
        prompt: str,
        *,
        model: str = "z-image",
        aspect: str | None = None,
        size: str | None = None,
        seed: int | None = None,
        **options: Any,
    ) -> Job:
        """Asks for one picture and returns its job at once.

        `aspect`, `size`, `seed`: in people's words; `options`: the model's inputs by their own
        names, such as `image_size="square_hd"`. Raises `InvalidRequest` before anything is sent.
        """
        plain = {"aspect": aspect, "size": size, "seed": seed}
        request, _ = self.request(prompt, model, plain=plain, options=options)
        return self.submit(request)

    def several(
        self, prompt: str, model: str, count: int, plain: Mapping[str, Any], options: Any
    ) -> tuple[list[Request], list[str]]:
        """`count` requests that differ in their seed, where the model takes one.

        A given seed counts up; otherwise each gets a random one, so that the pictures differ and
        each can be made again.
        """
        first, notes = self.request(prompt, model, plain=plain, options=options)
        name = catalog.model(self.settings.profile, model).plain.get("seed")
        if count == 1 or name is None:
            return [first] * count, notes
        start = first.options.get(name)
        seeds = (
            range(start, start + count)
            if isinstance(start, int)
            else [random.randrange(1, 1 << 32) for _ in range(count)]  # noqa: S311
        )
        return [Request(model, prompt, {**first.options, name: s}) for s in seeds], notes

    def submit(self, request: Request) -> Job:
        """Writes the ticket into the ledger, then sends it from the private loop."""
        service = self.settings.base_url
        return self._start(self.ledger.intend(request, self.settings.profile, service))

    # ---- what was asked for earlier

    def resume(self, id: str = "") -> list[Job]:
        """Takes up every unfinished task of this ledger and service, or the one of that id.

        Raises `InvalidRequest` for an id that is not in the ledger or has nothing to collect.
        """
        if id:
            return [self._resumed(self.ticket(id))]
        mine = [t for t in self.ledger.unfinished() if t.profile == self.settings.profile]
        return [self._resumed(ticket) for ticket in mine]

    def ticket(self, id: str) -> Ticket:
        """The ledger's ticket of a task id or ticket id; raises `InvalidRequest` without one."""
        found = self.ledger.find(id)
        if found is None:
            raise InvalidRequest(
                f"{id!r} is not in the ledger {self.ledger.place!r}.",
                next_step="%liangxin tasks lists what is.",
            )
        return found

    def result(self, ticket: Ticket) -> Result:
        """What is kept of a ticket; raises `InvalidRequest` or `ResultLost` when nothing is."""
        if not ticket.folder:
            raise InvalidRequest(f"Nothing is kept of {ticket.id}: it is {ticket.fate}.")
        return self.results.load(ticket.folder)

    def job(self, id: str) -> Job | None:
        """The job that this session follows under a ticket id or task id."""
        ticket = self.ledger.find(id)
        return self._jobs.get(ticket.id) if ticket else None

    def active(self) -> list[Job]:
        """The jobs that are followed now."""
        with self._lock:
            return [job for job in self._jobs.values() if not job.status.over]

    def _resumed(self, ticket: Ticket) -> Job:
        known = self._jobs.get(ticket.id)
        if known is not None and not known.status.over:
            return known
        if not ticket.unfinished:
            raise InvalidRequest(
                f"There is nothing to collect for {ticket.id}: it is {ticket.fate}.",
                next_step=ticket.reason or f"%liangxin show {ticket.id} shows it.",
            )
        if ticket.profile != self.settings.profile:
            raise InvalidRequest(
                f"{ticket.id} belongs to the service {ticket.profile!r}, this session uses "
                f"{self.settings.profile!r}.",
                next_step=f"Set LIANGXIN_PROFILE={ticket.profile} and resume again.",
            )
        return self._start(ticket)

    # ---- the machinery

    def _start(self, ticket: Ticket) -> Job:
        job = Job(ticket, self.loop)
        with self._lock:
            self._jobs[ticket.id] = job
        job.watch(self._forget_when_over)
        return job.start(self._send, self._collect)

    def _forget_when_over(self, status: Status) -> None:
        if status.over:
            with self._lock:
                self._jobs.pop(status.ticket.id, None)

    async def _send(self, ticket: Ticket, tell: Any) -> Ticket:
        return await self._alive().send(ticket, tell)

    async def _collect(self, ticket: Ticket, tell: Any) -> Result:
        return await self._alive().collect(ticket, tell)

    def _alive(self) -> Life:
        """The machinery, made on the private loop at its first use."""
        if self._life is None:
            self._life = Life(
                self._connect,
                self.ledger,
                self.results,
                Scheduler(self._pace).follow,
                patience=self.settings.patience,
            )
        return self._life

    async def _connect(self) -> Client:
        """The client; under the sandbox profile, of a sandbox that runs now."""
        if self.settings.profile == "sandbox":
            from .sandbox._base import key

            url = await asyncio.to_thread(self._launcher.url)
            if self._client is None or self._client.base_url != url:
                self._client = Client(url, Secret(key()))
        elif self._client is None:
            assert self.settings.key is not None
            self._client = Client(self.settings.base_url, self.settings.key)
        return self._client

    def close(self) -> None:
        """Leaves every job and gives the sandbox back; unfinished tasks stay in the ledger."""
        for job in self.active():
            job.leave()
        self._launcher.leave()


class _Current:
    """The session that cells use, and whether somebody chose it."""

    session: Session | None = None
    chosen = False


def current() -> Session:
    """The session that cells use: the one given to `use`, or one made from the settings.

    Made anew when the settings have changed since; the default folder stays where it was first,
    so that a later `%cd` does not scatter the results. Raises `InvalidRequest`.
    """
    held = _Current.session
    if held is not None and _Current.chosen:
        return held
    settings = Settings.load()
    if held is not None and settings.results == Path("liangxin-results").absolute():
        settings = replace(settings, results=held.settings.results)
    if held is None or settings != held.settings:
        _Current.session = Session(settings)
    assert _Current.session is not None
    return _Current.session


def use(session: Session | None) -> None:
    """Lets cells use this session; None goes back to the settings."""
    _Current.session, _Current.chosen = session, session is not None
