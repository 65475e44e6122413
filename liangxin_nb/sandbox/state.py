"""The tasks of the sandbox and their state at any time.

The states of a task follow from its creation time, its faults and the clock. Tasks are saved to
disk, so that a restarted sandbox still has them.
"""

from __future__ import annotations

import json
import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .. import catalog
from ..core.media_types import canonical_suffix
from .faults import Faults
from .outputs import DrawingSpec, drawing_specs, price, text_output
from .task_log import JsonLines, Task, hash_key, is_owner
from .task_timeline import failure_of, has_result, is_visible, state_at
from .uploads import UploadStore
from .validation import RejectedRequestError, validate_request

__all__ = ["DrawingSpec", "RejectedRequestError", "SandboxState", "Task"]

_UNLIMITED_CREDITS = 1_000_000.0
_NO_CREDITS_ERROR = {
    "kie": (402, "Credits insufficient: your balance is not enough for this request.", ""),
    "liangxin": (403, "用户额度不足, 剩余额度: $0.000000", "insufficient_user_quota"),
}
_LINK_LIFETIME_S = 20 * 60  # KIE docs, download-url


class SandboxState:
    """All tasks of one sandbox.

    Args:
        state: Folder for tasks and uploads, None to save nothing.
        profile: The imitated service, ``liangxin`` or ``kie``.
        speed: How many times faster than the service tasks run.
        clock: Returns unix seconds.
        faults: The active faults, by default none.
        initial_credits: Initial balance, None for an unlimited one.
        any_model: Accept models outside the catalogue.
    """

    def __init__(
        self,
        state: Path | None,
        *,
        profile: str = "liangxin",
        speed: float = 1.0,
        clock: Callable[[], float] = time.time,
        faults: Faults | None = None,
        initial_credits: float | None = None,
        any_model: bool = False,
    ) -> None:
        self.profile = profile
        self.any_model = any_model
        self.faults: Faults = faults or Faults()
        self.uploads: UploadStore = UploadStore(state)
        self.calls: Counter[str] = Counter()
        self._log = JsonLines(state / "tasks.jsonl" if state else None)
        self._speed = speed
        self._clock = clock
        self._initial_credits = initial_credits
        self._expired_links: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._tasks: dict[str, Task] = {}
        self._ids_by_token: dict[str, str] = {}
        for value in self._log.read():
            with suppress(TypeError):  # saved by an incompatible version
                task = Task.from_json(value)
                self._add(task)

    @property
    def task_count(self) -> int:
        """Number of tasks, including those of earlier runs."""
        return len(self._tasks)

    @property
    def task_ids(self) -> list[str]:
        """Ids of all tasks, including those of earlier runs."""
        return list(self._tasks)

    def create(self, key: str, body: Any) -> str:
        """Create a task that only this key can see, and return its id.

        Raises:
            RejectedRequestError: If the service would reject the request.
        """
        model = validate_request(self.profile, body, any_model=self.any_model)
        with self._lock:
            self._check_balance(price(model, body["input"]))
            now = int(self._clock() * 1000)
            while (task_id := self._new_id(model, now)) in self._tasks:
                now += 1
            total = int(self._duration_s(model, task_id) * 1000)
            faults = [(fault.name, fault.value) for fault in self.faults.take("life")]
            task = Task(task_id, hash_key(key), now, total, body, faults)
            self._log.append(asdict(task))  # before the request is answered
            self._add(task)
        return task_id

    def _add(self, task: Task) -> None:
        self._tasks[task.id] = task
        self._ids_by_token[task.token] = task.id

    def find_task_id(self, token: str) -> str:
        """Return the id of the task with files below ``/files/TOKEN/``, empty without one."""
        return self._ids_by_token.get(token, "")

    def balance(self) -> float:
        """Return the remaining credits; failed tasks are free."""
        initial = _UNLIMITED_CREDITS if self._initial_credits is None else self._initial_credits
        return initial - sum(self._price(task) for task in list(self._tasks.values()))

    def callback_url(self, task_id: str) -> str:
        """Return the callback URL of a task, empty without one."""
        return str(self._tasks[task_id].param.get("callBackUrl") or "")

    def ends_at(self, task_id: str) -> float | None:
        """Return when a task ends in unix seconds, None if it never does."""
        task = self._tasks[task_id]
        end_ms = task.created_ms + task.total_ms
        return end_ms / 1000 if _state(task, end_ms)[0] in ("success", "fail") else None

    def record(self, key: str, task_id: str, origin: str) -> dict[str, Any]:
        """Return the ``data`` of recordInfo, with result links below `origin`.

        Raises:
            RejectedRequestError: If the caller has no such task.
        """
        if not task_id:
            raise RejectedRequestError(400, "taskId is required")
        task = self._tasks.get(task_id)
        now = int(self._clock() * 1000)
        if (
            task is None
            or not is_owner(key, task)
            or not is_visible(task.created_ms, now, task.faults)
        ):
            raise RejectedRequestError(404, "task not found")
        state, since = _state(task, now)
        code, message = failure_of(task.faults) if state == "fail" else ("", "")
        has_ended = state in ("success", "fail")
        data = {
            "taskId": task_id,
            "model": task.param["model"],
            "state": state,
            "param": json.dumps(task.param, ensure_ascii=False),
            "resultJson": self._result(task, origin)
            if state == "success" and has_result(since, now, task.faults)
            else "",
            "failCode": code,
            "failMsg": message,
            "costTime": task.total_ms if has_ended else 0,
            "completeTime": since if has_ended else 0,
            "createTime": task.created_ms,
            "updateTime": since,
        }
        return self._to_kie_record(task, data) if self.profile == "kie" else data

    def drawing(self, task_id: str, name: str) -> DrawingSpec | None:
        """Return what a result file contains, None if it does not exist (yet)."""
        task = self._tasks.get(task_id)
        if task is None or self._current_state(task) != "success":
            return None
        specs = drawing_specs(self._model(task), task.input, self.uploads.to_data_uri)
        names = dict(_file_names(specs))
        names |= {file.partition(".")[0]: spec for file, spec in names.items()}  # without suffix
        return names.get(name)

    def long_lived_link(self, url: str, origin: str) -> str:
        """Return a link to a result that is valid for 20 minutes.

        Raises:
            RejectedRequestError: If the URL is not a result below `origin`.
        """
        path = url.removeprefix(f"{origin}/files/").partition("?")[0]
        token, _, name = path.partition("/")
        task_id = self.find_task_id(token)
        if not url.startswith(f"{origin}/files/") or self.drawing(task_id, name) is None:
            raise RejectedRequestError(422, "The url is not one of this service's results")
        until = int(self._clock()) + _LINK_LIFETIME_S
        return f"{origin}/files/{path}?link={self._expired_links[task_id] + 1}&until={until}"

    def expire_links(self, task_id: str) -> None:
        """Expire all links of a task; the next record contains a new one."""
        self._expired_links[task_id] += 1

    def is_link_valid(self, task_id: str, link: int, until: int | None = None) -> bool:
        """Return whether a link of a number (from 1) and an expiry in unix seconds is valid."""
        return link > self._expired_links[task_id] and (until is None or self._clock() < until)

    def _new_id(self, model: catalog.ModelSpec, now: int) -> str:
        """Return an id in the format of the service."""
        if self.profile == "kie":
            return secrets.token_hex(16)
        return f"task_{model.id.replace('/', '-')}_{now}"

    def _check_balance(self, cost: float) -> None:
        """Raise `RejectedRequestError` if the credits are insufficient."""
        if self._initial_credits is not None and self.balance() < cost:
            raise RejectedRequestError(*_NO_CREDITS_ERROR[self.profile])

    def _price(self, task: Task) -> float:
        """Return the credits that a task costs."""
        has_failed = self._current_state(task) == "fail"
        return 0.0 if has_failed else price(self._model(task), task.input)

    def _to_kie_record(self, task: Task, data: dict[str, Any]) -> dict[str, Any]:
        """Replace empty texts by null, and add the cost of a completed task."""
        nulls = {name: None for name in ("resultJson", "failCode", "failMsg") if not data[name]}
        cost = {"creditsConsumed": self._price(task)} if data["state"] == "success" else {}
        return {**data, **nulls, **cost}

    def _current_state(self, task: Task) -> str:
        """Return the state of a task now."""
        return _state(task, int(self._clock() * 1000))[0]

    def _model(self, task: Task) -> catalog.ModelSpec:
        """Return the model of a task."""
        return catalog.find_model(self.profile, task.param["model"])

    def _result(self, task: Task, origin: str) -> str:
        """Return the ``resultJson`` of a completed task."""
        model = self._model(task)
        text = text_output(model, task.input)
        if text is not None:
            return json.dumps({"resultObject": text}, ensure_ascii=False)
        expired = self._expired_links[task.id]
        query = f"?link={expired + 1}" if expired else ""
        names = [name for name, _ in _file_names(drawing_specs(model, task.input))]
        urls = [f"{origin}/files/{task.token}/{name}{query}" for name in names]
        return json.dumps({"resultUrls": urls})

    def _duration_s(self, model: catalog.ModelSpec, task_id: str) -> float:
        """Return the duration of a task, distributed around the model's typical one."""
        rng = random.Random(task_id)  # noqa: S311 not used for secrets
        return model.duration_s * rng.lognormvariate(0, 0.25) / self._speed


def _state(task: Task, now_ms: int) -> tuple[str, int]:
    """Return the state of a task, and when it began in unix milliseconds."""
    return state_at(task.created_ms, task.total_ms, now_ms, task.faults)


def _file_names(specs: list[DrawingSpec]) -> list[tuple[str, DrawingSpec]]:
    """Return the file name of each result."""
    return [(f"{n}.{canonical_suffix(spec.format)}", spec) for n, spec in enumerate(specs, 1)]
