"""In-memory stand-ins for the engine's collaborators, and a pending and a submitted job."""

import asyncio
import io
from pathlib import Path
from types import SimpleNamespace

from PIL import Image

from liangxin_nb.api.client import CreatedTask
from liangxin_nb.core.request import Request
from liangxin_nb.core.task import TaskOutput, TaskRecord, TaskState
from liangxin_nb.engine import TaskLifecycle
from liangxin_nb.ledger import Ledger
from liangxin_nb.polling import PollSchedule
from liangxin_nb.results import ResultStore

__all__ = [
    "PNG",
    "REQUEST",
    "SCHEDULE",
    "Client",
    "Limiter",
    "Poller",
    "build_lifecycle",
    "picture",
    "submitted_record",
    "task_record",
]

SCHEDULE = PollSchedule()
REQUEST = Request("z-image", "雨夜 {x}", {"seed": 7})


def picture():
    """A small PNG."""
    file = io.BytesIO()
    Image.new("RGB", (8, 6), "teal").save(file, "PNG")
    return file.getvalue()


PNG = picture()


class Client:
    """An API client; its answers are values, errors to raise, or functions.

    Attributes:
        answers: What each method answers, in order; the last answer is repeated.
        calls: The method and the arguments of each call so far.
    """

    def __init__(self, **answers):
        self.answers = {method: list(each) for method, each in answers.items()}
        self.calls = []

    def count(self, method):
        return [called for called, *_ in self.calls].count(method)

    async def create(self, request, *, callback_url="", limiter=None):
        created = await self._answer("create", request, callback_url, limiter)
        return created if isinstance(created, CreatedTask) else CreatedTask(created)

    async def get_task(self, task_id):
        return await self._answer("get_task", task_id)

    async def refresh_link(self, url):
        return await self._answer("refresh_link", url)

    async def download(self, url, target):
        target.write_bytes(await self._answer("download", url))

    async def _answer(self, method, *arguments):
        self.calls.append((method, *arguments))
        answers = self.answers[method]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if callable(answer) and not isinstance(answer, type):
            answer = answer(*arguments)
        if asyncio.iscoroutine(answer):
            answer = await answer
        if isinstance(answer, BaseException):
            raise answer
        return answer


class Limiter:
    """A rate limiter with free slots, unless `wait` delays them.

    Attributes:
        calls: The methods called so far; `confirm_create` with its argument.
        wait: A coroutine function that is called with the `on_wait` of each create.
    """

    create_rate = "20 per 10 s"

    def __init__(self, wait=None):
        self.calls = []
        self.wait = wait
        self.on_confirm = lambda: None

    async def acquire_poll(self):
        self.calls.append("acquire_poll")

    async def acquire_create(self, on_wait):
        self.calls.append("acquire_create")
        if self.wait:
            await self.wait(on_wait)
        return "slot 1"

    async def confirm_create(self, slot_id):
        self.on_confirm()
        self.calls.append(("confirm_create", slot_id))


class Poller:
    """A poller that sends nothing: it passes on the given answers, and returns the last.

    Attributes:
        arguments: The arguments of the last `follow`.
    """

    def __init__(self, *answers):
        self.answers = answers
        self.arguments = None

    async def follow(self, task_id, poll, on_answer, patience, *, schedule, age):
        self.arguments = SimpleNamespace(
            task_id=task_id, poll=poll, patience=patience, schedule=schedule, age=age
        )
        for answer in self.answers:
            if isinstance(answer, BaseException):
                raise answer
            on_answer(answer)
        return self.answers[-1]


def build_lifecycle(ledger, client, *, poller=None, limiter=None, connect=None):
    """A lifecycle on the given ledger; its results are saved beside it."""

    async def return_client():
        if isinstance(client, Exception):
            raise client
        return client

    return TaskLifecycle(
        connect or return_client,
        ledger,
        ResultStore(Path(ledger.location).parent / "results"),
        poller or Poller(),
        limiter or Limiter(),
        schedule=SCHEDULE,
        patience=7.0,
    )


def task_record(state="success", *urls, **values):
    """The service's record of task_1."""
    outputs = tuple(TaskOutput.from_url(url) for url in urls)
    return TaskRecord(
        "task_1", TaskState(state), **{"model": "z-image", "outputs": outputs, **values}
    )


def submitted_record(ledger: Ledger, profile="liangxin", **values):
    """A job in the ledger that the service has accepted as task_1."""
    record = ledger.create(REQUEST, profile, "https://service.example", "me")
    values = {"status": "submitted", "task_id": "task_1", **values}
    return ledger.update(record, "submitted", **values)
