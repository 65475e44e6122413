"""The one place that joins the parts: settings, catalogue, ledger, results, client, scheduler."""

from __future__ import annotations

import asyncio
import threading
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .asking import requests
from .connection import Connection
from .doctor import Finding, examine, settle
from .errors import InvalidRequest
from .histories import history
from .job import Collect, Job, Send
from .ledger import Ledger
from .life import Life
from .loop import Loop
from .notebooks import tasks_in
from .owners import Owner, alive
from .pacing import Pace
from .purse import guard
from .recovery import Recovery
from .request import Request
from .results import Result, Results
from .scheduler import Scheduler
from .settings import Settings
from .table import Table
from .ticket import Status, Ticket

if TYPE_CHECKING:
    from .callbacks import Line

__all__ = ["Session"]

_NO_BALANCE = {
    "sandbox": "The sandbox bills nothing, so there is no balance.",
    "liangxin": "LiangXin documents no way to ask for the balance; its console shows it.",
}


class Session:
    """One service, one key, one folder; sends nothing and starts nothing before it is used.

    `settings`: default `Settings.load(**arguments)`; `pace`: default the documented one. Raises
    `InvalidRequest` when the folder or the ledger cannot be used.
    """

    def __init__(
        self, settings: Settings | None = None, *, pace: Pace | None = None, **arguments: Any
    ) -> None:
        self.settings = settings or Settings.load(**arguments)
        self.loop = Loop()
        self.results = Results(self.settings.results)
        self.ledger = Ledger(self.settings.ledger or self.settings.results / "ledger.sqlite")
        self._connect = Connection(self.settings)
        scheduler, parts = Scheduler(pace or Pace()), (self._connect, self.ledger)
        patience = self.settings.patience
        self._life = Life(*parts, self.results, scheduler.follow, patience=patience)
        line = partial(_line, self.settings)
        self._called = Recovery(self._life, *parts, line, scheduler.hurry, patience=patience)
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

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
        **options: Any,
    ) -> Job:
        """Asks for one picture and returns its job at once.

        `aspect`, `size`, `seed`: in people's words; `image`: a reference picture or a list of
        them; `callback`: `auto`, a URL of one's own, None to poll only, default what the settings
        say; `options`: the model's inputs by their own names, such as `image_size="square_hd"`.
        Raises `InvalidRequest` before anything is sent.
        """
        plain = {"aspect": aspect, "size": size, "seed": seed}
        profile = self.settings.profile
        images = image if isinstance(image, list | tuple) else [] if image is None else [image]
        (request,), _ = requests(
            profile, prompt, model, plain=plain, options=options, images=images
        )
        return self.submit(request, callback=callback)

    def submit(self, request: Request, *, callback: str | None = "") -> Job:
        """Writes the ticket into the ledger, then sends it from the private loop."""
        wish = self.settings.callback if callback == "" else callback or ""
        self._refuse_key(f"{request.input} {wish}")
        guard(self.ledger, self.settings, request.model)
        way = self._called.way(wish)
        ticket = self.ledger.intend(
            request, self.settings.profile, self.settings.base_url, self._owner.id
        )
        return self._start(ticket, *way(ticket))

    def credits(self) -> float:
        """The account's balance as the service tells it; blocks for one question.

        Raises `InvalidRequest` where no service documents how to ask: LiangXin, and the sandbox.
        """
        if self.settings.profile != "kie":
            raise InvalidRequest(_NO_BALANCE[self.settings.profile])
        return self.loop.submit(self._balance()).result()

    async def _balance(self) -> float:
        return await (await self._connect()).credits()

    # ---- what was asked for earlier

    def resume(self, id: str = "") -> list[Job]:
        """Takes up every unfinished task of this ledger and service, or the one of that id.

        What another living notebook follows is left to it. Raises `InvalidRequest` for an id that
        has nothing to collect.
        """
        self._find_lost()
        if id:
            return [self._resumed(self.ticket(id))]
        mine = [t for t in self.ledger.unfinished() if self._ours(t) and not self._elsewhere(t)]
        return [job for ticket in mine if (job := self._taken_up(ticket))]

    def attach(self, task_id: str) -> Job:
        """A job for any task id of this key; the prompt is read back from the service.

        A task that the ledger knows is taken from there, kept results from the disk.
        """
        known = self.ledger.find(task_id)
        if known is not None and known.folder and self._is_kept(known):
            return self._start(known, None, self._load)
        if known is not None:
            return self._resumed(known)
        request = Request("unknown", f"(asking the service for {task_id})")
        fresh = Ticket.fresh(request, self.settings.profile, self.settings.base_url, self._owner.id)
        return self._start(fresh.but(task_id=task_id), self._life.adopt, self._life.collect)

    def recover(self, notebook: str | Path) -> list[Job]:
        """A job for every task id that a notebook file carries, on whatever machine it was made.

        Raises `InvalidRequest` when the file cannot be read or is no notebook.
        """
        try:
            text = Path(notebook).expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidRequest(f"{str(notebook)!r} cannot be read ({error}).") from None
        return [self.attach(task_id) for task_id in tasks_in(text, repr(str(notebook)))]

    def history(self, *, search: str = "", most: int | None = None) -> Table:
        """The ledger as a table; see `history`."""
        return history(self.ledger, search=search, most=most)

    def examine(self) -> list[Finding]:
        """What became of everything that was asked for, kind by kind."""
        self._find_lost()
        return examine(self.ledger, self.results, self._alive)

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
            raise InvalidRequest(
                f"Nothing is kept of {ticket.id}: it is {ticket.fate}.", next_step=ticket.reason
            )
        return self.results.load(ticket.folder)

    def job(self, id: str) -> Job | None:
        """The job that this session follows under a ticket id or task id."""
        ticket = self.ledger.find(id)
        return self._jobs.get(ticket.id) if ticket else None

    def active(self) -> list[Job]:
        """The jobs that are followed now."""
        with self._lock:
            return [job for job in self._jobs.values() if not job.status.over]

    def elsewhere(self) -> int:
        """How many unfinished tasks another living notebook follows."""
        return sum(self._elsewhere(ticket) for ticket in self.ledger.unfinished())

    # ---- whose is it

    @cached_property
    def _owner(self) -> Owner:
        return Owner(self.results.root / ".owners")

    def _alive(self, owner: str) -> bool:
        return owner == self._owner.id or alive(self.results.root / ".owners", owner)

    def _elsewhere(self, ticket: Ticket) -> bool:
        return ticket.owner != self._owner.id and self._alive(ticket.owner)

    def _ours(self, ticket: Ticket) -> bool:
        mine = (self.settings.profile, self.settings.base_url)
        return (ticket.profile, ticket.service) == mine

    def _is_kept(self, ticket: Ticket) -> bool:
        return (self.results.root / ticket.folder / "story.json").is_file()

    def _find_lost(self) -> None:
        """Accepts lost tickets whose tasks calls have named while nobody was there to hear."""
        settle(self.ledger, self._alive)
        unknown = [t for t in self.ledger.of_fate("unknown") if self._ours(t)]
        mine = [t for t in unknown if t.id not in self._jobs and not self._elsewhere(t)]
        if mine:
            self.loop.submit(self._called.look(mine)).result()

    def _refuse_key(self, text: str) -> None:
        """A key that stands in a prompt would go into the ledger, the story and the notebook."""
        key = self.settings.key
        if key is not None and len(key.reveal()) >= 8 and key.reveal() in text:
            raise InvalidRequest(
                "The prompt or an option holds your API key; nothing was sent.",
                next_step="Take it out, and out of the notebook too.",
            )

    def _resumed(self, ticket: Ticket) -> Job:
        collectable = ticket.unfinished or ticket.fate == "lost"
        removed = ticket.fate == "kept" and not self._is_kept(ticket)
        if not ticket.task_id or not (collectable or removed):
            raise InvalidRequest(
                f"There is nothing to collect for {ticket.id}: it is {ticket.fate}.",
                next_step=ticket.reason or f"%liangxin show {ticket.id} shows it.",
            )
        if not self._ours(ticket):
            there = ticket.service or ticket.profile
            raise InvalidRequest(
                f"{ticket.id} belongs to {there}, this session uses {self.settings.host}.",
                next_step=f"Use the profile {ticket.profile} and its address, then resume again.",
            )
        job = None if self._elsewhere(ticket) else self._taken_up(ticket)
        if job is None:
            raise InvalidRequest(
                f"{ticket.task_id} is followed by another notebook, which keeps its result.",
                next_step=f"%liangxin show {ticket.task_id} shows it when it is done.",
            )
        return job

    def _taken_up(self, ticket: Ticket) -> Job | None:
        """The job for a ticket: the one that runs, or a new one; None when another was quicker."""
        known = self._jobs.get(ticket.id)
        if known is not None and not known.status.over:
            return known
        mine = self.ledger.claim(ticket, self._owner.id)
        return self._start(mine, None, self._called.collecting(mine)) if mine else None

    # ---- the machinery

    def _start(self, ticket: Ticket, send: Send | None, collect: Collect) -> Job:
        job = Job(ticket, self.loop)
        with self._lock:
            self._jobs[ticket.id] = job
        job.watch(self._forget_when_over)
        return job.start(send, collect)

    def _forget_when_over(self, status: Status) -> None:
        if status.over:
            with self._lock:
                self._jobs.pop(status.ticket.id, None)

    async def _load(self, ticket: Ticket, _: Any) -> Result:
        return await asyncio.to_thread(self.result, ticket)

    def close(self) -> None:
        """Leaves every job and gives the sandbox back; unfinished tasks stay in the ledger."""
        for job in self.active():
            job.leave()
        self._connect.leave()
        if "_owner" in self.__dict__:
            self._owner.end()


def _line(settings: Settings) -> Line:
    from .callbacks import Line  # only where calls are asked for

    return Line(local=settings.local, patience=settings.patience)
