"""What the sandbox knows: its tasks, and where each stands at a given moment.

A task's life is a pure function of its creation, which seals its faults, and the clock. What was
created is kept on disk, one line each, so that a restarted sandbox still knows its tasks.
"""

from __future__ import annotations

import json
import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import catalog
from ..core.media_types import canonical_suffix
from .faults import Faults
from .outputs import DrawingSpec, drawing_specs, price, text_output
from .task_log import Task, TaskLog, owner_of
from .task_timeline import failure_of, is_visible, state_at
from .uploads import UploadStore
from .validation import RejectedRequestError, validate_request

__all__ = ["DrawingSpec", "RejectedRequestError", "SandboxState", "Task"]

_PLENTY = 1_000_000.0  # credits of an account that never runs out
_POOR = {
    "kie": (402, "Credits insufficient: your balance is not enough for this request.", ""),
    "liangxin": (403, "用户额度不足, 剩余额度: $0.000000", "insufficient_user_quota"),
}
_LINK_LIVES = 20 * 60  # seconds, as KIE's page of download-url says


class SandboxState:
    """All tasks of one sandbox.

    `profile`: whose catalogue and words it has, liangxin or kie. `speed`: how many times faster
    than life; `clock`: unix seconds. `credits`: what the account had at the beginning, None for
    one that never runs out; `any_model`: whether models that no one listed are taken.
    """

    def __init__(
        self,
        state: Path | None,
        *,
        profile: str = "liangxin",
        speed: float = 1.0,
        clock: Callable[[], float] = time.time,
        faults: Faults | None = None,
        credits: float | None = None,
        any_model: bool = False,
    ) -> None:
        self.profile = profile
        self.any_model = any_model
        self.faults = faults or Faults()
        self.uploads = UploadStore(state)
        self.calls: Counter[str] = Counter()
        self._log = TaskLog(state)
        self._speed = speed
        self._clock = clock
        self._credits = credits
        self._dead_links: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._tasks = {task.id: task for task in self._log.read()}

    @property
    def task_count(self) -> int:
        """How many tasks there are, those of earlier runs included."""
        return len(self._tasks)

    def create(self, key: str, body: Any) -> str:
        """Accepts a request and returns its task id; raises `RejectedRequestError`."""
        model = validate_request(self.profile, body, anything=self.any_model)
        with self._lock:
            self._charge(price(model, body["input"]))
            now = int(self._clock() * 1000)
            while (id := self._new_id(model, now)) in self._tasks:
                now += 1
            total = int(self._duration(model, id) * 1000)
            fates = [(fault.name, fault.value) for fault in self.faults.take("life")]
            task = Task(id, owner_of(key), now, total, body, fates)
            self._log.add(task)
            self._tasks[id] = task
        return id

    def balance(self) -> float:
        """The credits left: a task costs from its creation on, a failed one nothing."""
        start = _PLENTY if self._credits is None else self._credits
        return start - sum(self._price(task) for task in list(self._tasks.values()))

    def ids(self) -> list[str]:
        """Every task, those of earlier runs included."""
        return list(self._tasks)

    def callback(self, id: str) -> str:
        """The URL that wants to be called when a task ends, or an empty text."""
        return str(self._tasks[id].param.get("callBackUrl") or "")

    def ends_at(self, id: str) -> float | None:
        """When a task ends (unix seconds), None for one that never does."""
        task = self._tasks[id]
        end = task.created_ms + task.total_ms
        ended = state_at(task.created_ms, task.total_ms, end, task.faults)[0] in ("success", "fail")
        return end / 1000 if ended else None

    def record(self, key: str, id: str, origin: str) -> dict[str, Any]:
        """The `data` of recordInfo, result links below `origin`; raises `RejectedRequestError`."""
        if not id:
            raise RejectedRequestError(400, "taskId is required")
        task = self._tasks.get(id)
        now = int(self._clock() * 1000)
        if (
            task is None
            or task.owner != owner_of(key)
            or not is_visible(task.created_ms, now, task.faults)
        ):
            raise RejectedRequestError(404, "task not found")
        state, since = state_at(task.created_ms, task.total_ms, now, task.faults)
        code, words = failure_of(task.faults) if state == "fail" else ("", "")
        done = state in ("success", "fail")
        data = {
            "taskId": id,
            "model": task.param["model"],
            "state": state,
            "param": json.dumps(task.param, ensure_ascii=False),
            "resultJson": self._result(task, origin) if state == "success" else "",
            "failCode": code,
            "failMsg": words,
            "costTime": task.total_ms if done else 0,
            "completeTime": since if done else 0,
            "createTime": task.created_ms,
            "updateTime": since,
        }
        return self._as_kie(task, data) if self.profile == "kie" else data

    def drawing(self, id: str, name: str) -> DrawingSpec | None:
        """What lies at a result link, or None where there is nothing (yet)."""
        task = self._tasks.get(id)
        if task is None or self._state(task) != "success":
            return None
        made = enumerate(drawing_specs(self._model(task), task.input, self.uploads.size_of), 1)
        return next((one for n, one in made if name == f"{n}.{canonical_suffix(one.format)}"), None)

    def long_lived_link(self, url: str, origin: str) -> str:
        """A link to a result that lives for 20 minutes.

        Raises `RejectedRequestError` for any other URL.
        """
        path = url.removeprefix(f"{origin}/files/").partition("?")[0]
        id, _, name = path.partition("/")
        if not url.startswith(f"{origin}/files/") or self.drawing(id, name) is None:
            raise RejectedRequestError(422, "The url is not one of this service's results")
        until = int(self._clock()) + _LINK_LIVES
        return f"{origin}/files/{path}?link={self._dead_links[id] + 1}&until={until}"

    def expire(self, id: str) -> None:
        """Lets the links given so far for a task be dead; the next record gives a fresh one."""
        self._dead_links[id] += 1

    def link_lives(self, id: str, link: int, until: int | None = None) -> bool:
        """Whether a task's link of that number, the first being 1, still leads anywhere."""
        return link > self._dead_links[id] and (until is None or self._clock() < until)

    def _new_id(self, model: catalog.ModelSpec, now: int) -> str:
        """An id in the service's own shape."""
        if self.profile == "kie":
            return secrets.token_hex(16)
        return f"task_{model.id.replace('/', '-')}_{now}"

    def _charge(self, costs: float) -> None:
        if self._credits is not None and self.balance() < costs:
            raise RejectedRequestError(*_POOR[self.profile])

    def _price(self, task: Task) -> float:
        failed = self._state(task) == "fail"
        return 0.0 if failed else price(self._model(task), task.input)

    def _as_kie(self, task: Task, data: dict[str, Any]) -> dict[str, Any]:
        empty = {name: None for name in ("resultJson", "failCode", "failMsg") if not data[name]}
        cost = {"creditsConsumed": self._price(task)} if data["state"] == "success" else {}
        return {**data, **empty, **cost}

    def _state(self, task: Task) -> str:
        now = int(self._clock() * 1000)
        return state_at(task.created_ms, task.total_ms, now, task.faults)[0]

    def _model(self, task: Task) -> catalog.ModelSpec:
        return catalog.find_model(self.profile, task.param["model"])

    def _result(self, task: Task, origin: str) -> str:
        """The `resultJson` of a finished task."""
        model = self._model(task)
        told = text_output(model, task.input)
        if told is not None:
            return json.dumps({"resultObject": told}, ensure_ascii=False)
        dead = self._dead_links[task.id]
        link = f"?link={dead + 1}" if dead else ""
        made = enumerate(drawing_specs(model, task.input), 1)
        names = (f"{n}.{canonical_suffix(one.format)}" for n, one in made)
        return json.dumps({"resultUrls": [f"{origin}/files/{task.id}/{x}{link}" for x in names]})

    def _duration(self, model: catalog.ModelSpec, id: str) -> float:
        """Seconds that the task takes: around the model's typical time."""
        chance = random.Random(id)  # noqa: S311 a believable life, not a secret
        return model.duration_s * chance.lognormvariate(0, 0.25) / self._speed
