"""Parts of a job record's way in memory: a client and a budget that do what a test says."""

import asyncio
import io

from PIL import Image

from liangxin_nb.core.request import Request
from liangxin_nb.core.task import TaskOutput, TaskRecord, TaskState
from liangxin_nb.ledger import Ledger

__all__ = ["PNG", "REQUEST", "Budget", "Client", "picture", "record", "submitted"]

REQUEST = Request("z-image", "雨夜 {x}", {"seed": 7})


def picture():
    """A small PNG."""
    file = io.BytesIO()
    Image.new("RGB", (8, 6), "teal").save(file, "PNG")
    return file.getvalue()


PNG = picture()


class Client:
    """A client of the service: each answer is a value, an error to raise, or a function.

    Attributes:
        answers: What each method answers, in order; the last answer is repeated.
        calls: The kind and the arguments of each call so far.
    """

    def __init__(self, **answers):
        self.answers = {kind: list(each) for kind, each in answers.items()}
        self.calls = []

    def count(self, kind):
        return [called for called, *_ in self.calls].count(kind)

    async def create(self, request, *, callback_url="", limiter=None):
        return await self._answer("create", request, callback_url, limiter)

    async def get_task(self, task_id):
        return await self._answer("get_task", task_id)

    async def refresh_link(self, url):
        return await self._answer("refresh_link", url)

    async def download(self, url, target):
        target.write_bytes(await self._answer("download", url))

    async def _answer(self, kind, *arguments):
        self.calls.append((kind, *arguments))
        answers = self.answers[kind]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if callable(answer) and not isinstance(answer, type):
            answer = answer(*arguments)
        if asyncio.iscoroutine(answer):
            answer = await answer
        if isinstance(answer, BaseException):
            raise answer
        return answer


class Budget:
    """A budget whose turns come at once, or as `waiting` says.

    Attributes:
        steps: The methods called so far; `confirm_create` with its argument.
        waiting: A coroutine function that is called with the `on_wait` of each create.
    """

    create_rate = "20 per 10 s"

    def __init__(self, waiting=None):
        self.steps = []
        self.waiting = waiting
        self.on_created = lambda: None

    async def acquire_poll(self):
        self.steps.append("acquire_poll")

    async def acquire_create(self, on_wait):
        self.steps.append("acquire_create")
        if self.waiting:
            await self.waiting(on_wait)
        return "turn 1"

    async def confirm_create(self, turn):
        self.on_created()
        self.steps.append(("confirm_create", turn))


def record(state="success", *urls, **values):
    """An answer about task_1."""
    outputs = tuple(TaskOutput.from_url(url) for url in urls)
    return TaskRecord(
        "task_1", TaskState(state), **{"model": "z-image", "outputs": outputs, **values}
    )


def submitted(ledger: Ledger, profile="liangxin", **values):
    """A job record that the service has accepted as task_1, as the ledger has it."""
    record = ledger.create(REQUEST, profile, "https://service.example", "me")
    values = {"status": "submitted", "task_id": "task_1", **values}
    return ledger.update(record, "submitted", **values)
