"""What the sandbox knows: its tasks, and where each stands at a given moment.

A task's life is a pure function of its creation, which seals its faults, and the clock. What was
created is kept on disk, one line each, so that a restarted sandbox still knows its tasks.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .. import catalog
from .fate import Fate, failure, known, life
from .faults import Faults

__all__ = ["Drawing", "Refusal", "Task", "World"]

_FORMS = {"jpg": "jpeg", "image/jpeg": "jpeg", "image/png": "png"}


class Refusal(Exception):
    """A request that the service says no to: `code` and the words of its answer."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Task:
    """One accepted task: the request as it came, and when. `owner` is a digest of the key.

    `fates`: the faults sealed at its creation, each a name and an argument.
    """

    id: str
    owner: str
    created_ms: int
    total_ms: int
    param: dict[str, Any]
    fates: Sequence[Fate] = ()


@dataclass(frozen=True)
class Drawing:
    """What there is to draw for a task: equal requests give equal drawings."""

    prompt: str
    seed: int
    size: tuple[int, int]
    form: str
    references: tuple[str, ...] = ()


class World:
    """All tasks of one sandbox. `speed`: how many times faster than life; `clock`: unix seconds."""

    def __init__(
        self,
        state: Path | None,
        *,
        speed: float = 1.0,
        clock: Callable[[], float] = time.time,
        faults: Faults | None = None,
    ) -> None:
        self._file = state / "tasks.jsonl" if state else None
        self._speed = speed
        self._clock = clock
        self.faults = faults or Faults()
        self._dead_links: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._tasks = {task.id: task for task in _read(self._file)}
        self.calls: Counter[str] = Counter()

    @property
    def created(self) -> int:
        """How many tasks there are, those of earlier runs included."""
        return len(self._tasks)

    def create(self, key: str, body: Any) -> str:
        """Accepts a request and returns its task id; raises `Refusal`."""
        model = _checked(body)
        with self._lock:
            now = int(self._clock() * 1000)
            while (id := f"task_{model.id.replace('/', '-')}_{now}") in self._tasks:
                now += 1
            total = int(self._duration(model, id) * 1000)
            fates = [(fault.name, fault.value) for fault in self.faults.strike("life")]
            task = Task(id, _owner(key), now, total, body, fates)
            self._keep(task)
            self._tasks[id] = task
        return id

    def ids(self) -> list[str]:
        """Every task, those of earlier runs included."""
        return list(self._tasks)

    def callback(self, id: str) -> str:
        """The URL that wants to be called when a task ends, or an empty text."""
        return str(self._tasks[id].param.get("callBackUrl") or "")

    def ends(self, id: str) -> float | None:
        """When a task ends (unix seconds), None for one that never does."""
        task = self._tasks[id]
        end = task.created_ms + task.total_ms
        ended = life(task.created_ms, task.total_ms, end, task.fates)[0] in ("success", "fail")
        return end / 1000 if ended else None

    def record(self, key: str, id: str, origin: str) -> dict[str, Any]:
        """The `data` of recordInfo, result links below `origin`; raises `Refusal`."""
        if not id:
            raise Refusal(400, "taskId is required")
        task = self._tasks.get(id)
        now = int(self._clock() * 1000)
        if task is None or task.owner != _owner(key) or not known(task.created_ms, now, task.fates):
            raise Refusal(404, "task not found")
        state, since = life(task.created_ms, task.total_ms, now, task.fates)
        code, words = failure(task.fates) if state == "fail" else ("", "")
        done = state in ("success", "fail")
        return {
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

    def drawing(self, id: str, name: str) -> Drawing | None:
        """What lies at a result link, or None where there is nothing (yet)."""
        task = self._tasks.get(id)
        if task is None:
            return None
        now = int(self._clock() * 1000)
        if life(task.created_ms, task.total_ms, now, task.fates)[0] != "success":
            return None
        drawing = _drawing(task)
        return drawing if name == f"1.{_ending(drawing.form)}" else None

    def expire(self, id: str) -> None:
        """Lets the links given so far for a task be dead; the next record gives a fresh one."""
        self._dead_links[id] += 1

    def link_lives(self, id: str, link: int) -> bool:
        """Whether a task's link of that number, the first being 1, leads anywhere."""
        return link > self._dead_links[id]

    def _result(self, task: Task, origin: str) -> str:
        """The `resultJson` of a finished task."""
        url = f"{origin}/files/{task.id}/1.{_ending(_drawing(task).form)}"
        dead = self._dead_links[task.id]
        return json.dumps({"resultUrls": [f"{url}?link={dead + 1}" if dead else url]})

    def _duration(self, model: catalog.Model, id: str) -> float:
        """Seconds that the task takes: around the model's typical time."""
        chance = random.Random(id)  # noqa: S311 a believable life, not a secret
        return model.seconds * chance.lognormvariate(0, 0.25) / self._speed

    def _keep(self, task: Task) -> None:
        if self._file is None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(task), ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())


def _checked(body: Any) -> catalog.Model:
    """The model of a good request; raises what LiangXin's pages answer to the others."""
    if not isinstance(body, dict) or not isinstance(body.get("model"), str) or not body["model"]:
        raise Refusal(400, "model is required")
    model = catalog.model("liangxin", body["model"])
    if not model.known:
        raise Refusal(400, f"unsupported model: {body['model']}")
    if not isinstance(body.get("callBackUrl", ""), str):
        raise Refusal(400, "callBackUrl is invalid")
    given = body.get("input")
    if not isinstance(given, dict) or not str(given.get("prompt") or "").strip():
        raise Refusal(400, "input.prompt is required")
    for name, value in given.items():
        input = model.prompt if name == "prompt" else model.inputs.get(name)
        if input and input.stated and not input.typed(value):
            raise Refusal(400, _invalid(input, value))
    _fits(model, given)
    return model


def _fits(model: catalog.Model, given: dict[str, Any]) -> None:
    """Refuses what the pages rule out; of two that exclude each other the service takes one."""
    typed = {
        name: value
        for name, value in given.items()
        if name in model.inputs and model.inputs[name].typed(value)
    }
    for breach in catalog.breaches(model, typed, str(given["prompt"])):
        if not breach.stated or breach.rule == "exclusive":
            continue
        input = model.prompt if breach.name == "prompt" else model.inputs[breach.name]
        if breach.rule == "limit" and input:
            raise Refusal(400, _invalid(input, given[breach.name]))
        if breach.rule == "required":
            raise Refusal(400, f"input.{breach.name} is required")
        raise Refusal(400, f"input.{breach.name} is invalid: {breach.words}")


def _invalid(input: catalog.Input, value: Any) -> str:
    return f"input.{input.name} is invalid: {value!r:.200}, expected {input.allows}"


def _drawing(task: Task) -> Drawing:
    given = task.param["input"]
    model = catalog.model("liangxin", task.param["model"])
    text = json.dumps([model.id, given], sort_keys=True, ensure_ascii=False)
    digest = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
    seed = given.get("seed")
    form = str(given.get("output_format") or "png").lower()
    form = _FORMS.get(form, form)
    return Drawing(
        prompt=str(given["prompt"]),
        seed=seed if isinstance(seed, int) else digest,
        size=model.size_of(given),
        form=form if form in ("png", "jpeg", "webp") else "png",
        references=tuple(_pictures(given)),
    )


def _pictures(given: dict[str, Any]) -> Iterator[str]:
    """Every picture that came with the request; addresses are not fetched, from anywhere."""
    for value in given.values():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str) and one.startswith("data:image/"):
                yield one


def _ending(form: str) -> str:
    return "jpg" if form == "jpeg" else form


def _owner(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def _read(file: Path | None) -> list[Task]:
    """The tasks on disk; a line cut off by a crash was never answered and is passed over."""
    if file is None or not file.exists():
        return []
    tasks = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            tasks.append(Task(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return tasks
