"""A sandbox inside the test process, with a clock that a test can stop and move."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import uvicorn

from liangxin_nb.sandbox.app import create_app
from liangxin_nb.sandbox.client import ADDRESS_FILE
from liangxin_nb.sandbox.faults import Faults
from liangxin_nb.sandbox.state import SandboxState
from liangxin_nb.sandbox.task_timeline import TIMELINE, state_at
from liangxin_nb.sandbox.webhooks import WebhookSender

#: Clock rate at which a task has ended before it is polled for the first time.
FAST = 50.0


class Clock:
    """A clock in Unix seconds with an adjustable rate."""

    def __init__(self, rate: float = 1.0) -> None:
        """Start at the current time."""
        self._lock = threading.Lock()
        self._at, self._since, self._rate = time.time(), time.monotonic(), rate

    def __call__(self) -> float:
        """Return the time of the clock."""
        with self._lock:
            return self._now()

    def _now(self) -> float:
        return self._at + (time.monotonic() - self._since) * self._rate

    def run(self, rate: float) -> None:
        """Set the rate of the clock; 0 stops it."""
        with self._lock:
            self._at, self._since, self._rate = self._now(), time.monotonic(), rate

    def move_to(self, moment: float) -> None:
        """Set the clock forward to a moment; never back."""
        with self._lock:
            self._at, self._since = max(self._now(), moment), time.monotonic()


class Service:
    """A sandbox that listens on this machine.

    The states of its tasks depend on its clock: a test that needs a running task stops the clock,
    checks what it needs, and then moves the clock forward. Requests are always answered.
    """

    def __init__(self, key: str, *, profile: str = "liangxin", any_model: bool = False) -> None:
        """Start the sandbox and wait until it accepts requests."""
        self.key = key
        self.faults = Faults()
        self.clock = Clock()
        self._state = SandboxState(
            None, profile=profile, clock=self.clock, faults=self.faults, any_model=any_model
        )
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        webhooks = WebhookSender(self._state, key, None)
        app = create_app(self._state, key, webhooks)
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            log_level="warning",
            access_log=False,
            lifespan="off",
            date_header=False,
            timeout_graceful_shutdown=1,  # do not wait for a delayed response
        )
        self._server = app.state.server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="service", daemon=True)
        self._thread.start()
        self.reset()

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def stop(self) -> None:
        """Stop the sandbox."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    def publish(self, results: Path) -> None:
        """Let sessions of the profile "sandbox" with this results folder use this sandbox.

        They start another one only if the address in the folder does not respond.
        """
        state = results / ".sandbox"
        state.mkdir(parents=True, exist_ok=True)
        (state / ADDRESS_FILE).write_text(json.dumps({"url": self.url}), encoding="utf-8")

    # ---- clock

    def reset(self) -> None:
        """Remove all faults and let the clock run fast."""
        self.faults.replace([])
        self.clock.run(FAST)

    def run_time(self, rate: float = FAST) -> None:
        """Let the clock run at this rate."""
        self.clock.run(rate)

    def stop_time(self) -> None:
        """Stop the clock: no task changes its state until the clock is moved or runs again."""
        self.clock.run(0)

    def move_to(self, state: str) -> None:
        """Stop the clock when all tasks created so far have reached a state, such as "success"."""
        self.stop_time()
        share = dict(TIMELINE)[state]
        ends = [task.created_ms + task.total_ms * share for task in self._tasks()]
        self.clock.move_to(max(ends) / 1000 + 0.001)

    # ---- tasks and requests

    @property
    def created(self) -> int:
        """The number of created tasks."""
        return self._state.task_count

    def calls(self, name: str) -> int:
        """Return the number of requests of a kind: createTask, recordInfo."""
        return self._state.calls[name]

    def states(self) -> dict[str, str]:
        """Return the state of each task."""
        now = int(self.clock() * 1000)
        return {
            task.id: state_at(task.created_ms, task.total_ms, now, task.faults)[0]
            for task in self._tasks()
        }

    def _tasks(self) -> list[Any]:
        return list(self._state._tasks.values())
