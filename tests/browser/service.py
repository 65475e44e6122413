"""A sandbox inside the test process, whose time a test can stop, drive and let go."""

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
from liangxin_nb.sandbox.broken_connections import TrackingProtocol
from liangxin_nb.sandbox.config import ADDRESS
from liangxin_nb.sandbox.faults import Faults
from liangxin_nb.sandbox.state import SandboxState
from liangxin_nb.sandbox.task_timeline import _STATES, state_at
from liangxin_nb.sandbox.webhooks import WebhookSender

IDENTITY = "tests"
#: Times faster than life: a task has ended when it is first asked about.
FAST = 50.0


class Clock:
    """Unix seconds that pass at a chosen rate."""

    def __init__(self, rate: float = 1.0) -> None:
        """Begin now."""
        self._lock = threading.Lock()
        self._at, self._since, self._rate = time.time(), time.monotonic(), rate

    def __call__(self) -> float:
        """Return the time."""
        with self._lock:
            return self._now()

    def _now(self) -> float:
        return self._at + (time.monotonic() - self._since) * self._rate

    def run(self, rate: float) -> None:
        """Let the time pass at this rate from now on; 0 stops it."""
        with self._lock:
            self._at, self._since, self._rate = self._now(), time.monotonic(), rate

    def move_to(self, moment: float) -> None:
        """Jump to a moment; never back."""
        with self._lock:
            self._at, self._since = max(self._now(), moment), time.monotonic()


class Service:
    """A sandbox that listens on this machine.

    Its tasks pass through their states by its clock: a test that needs a task to be running stops
    the time, looks, and then moves on. Questions are answered all the while.
    """

    def __init__(self, key: str, *, profile: str = "liangxin", any_model: bool = False) -> None:
        """Start it, and return when it takes calls."""
        self.key = key
        self.faults = Faults()
        self.clock = Clock()
        self._state = SandboxState(
            None, profile=profile, clock=self.clock, faults=self.faults, any_model=any_model
        )
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        caller = WebhookSender(self._state, key, None)
        app = create_app(self._state, key, IDENTITY, caller)
        config = uvicorn.Config(
            app,
            http=TrackingProtocol,
            ws="none",
            log_level="warning",
            access_log=False,
            lifespan="off",
            date_header=False,
            timeout_graceful_shutdown=1,  # a delayed answer is not waited for
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="service", daemon=True)
        self._thread.start()
        self.reset()

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def stop(self) -> None:
        """End it."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    def publish(self, results: Path) -> None:
        """Let sessions of the profile "sandbox" with this results folder find this sandbox.

        They start one of their own only where the folder names none that answers.
        """
        state = results / ".sandbox"
        state.mkdir(parents=True, exist_ok=True)
        address = {"url": self.url, "identity": IDENTITY}
        (state / ADDRESS).write_text(json.dumps(address), encoding="utf-8")

    # ---- its time

    def reset(self) -> None:
        """Let time pass quickly, and nothing go wrong."""
        self.faults.replace([])
        self.clock.run(FAST)

    def run_time(self, rate: float = FAST) -> None:
        """Let time pass, so many times faster than life."""
        self.clock.run(rate)

    def stop_time(self) -> None:
        """Let no task change its state any more, until time is moved or runs again."""
        self.clock.run(0)

    def move_to(self, state: str) -> None:
        """Stop the time where every task created so far has reached a state, "success" at last."""
        self.stop_time()
        share = dict(_STATES)[state]
        ends = [task.created_ms + task.total_ms * share for task in self._tasks()]
        self.clock.move_to(max(ends) / 1000 + 0.001)

    # ---- what it has seen

    @property
    def created(self) -> int:
        """How many tasks were created."""
        return self._state.task_count

    def calls(self, name: str) -> int:
        """How many calls of that name have come: createTask, recordInfo."""
        return self._state.calls[name]

    def states(self) -> dict[str, str]:
        """The state of each task at this moment."""
        now = int(self.clock() * 1000)
        return {
            task.id: state_at(task.created_ms, task.total_ms, now, task.faults)[0]
            for task in self._tasks()
        }

    def _tasks(self) -> list[Any]:
        return list(self._state._tasks.values())
