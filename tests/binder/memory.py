"""Peak memory of all processes of an environment."""

from __future__ import annotations

import threading
from pathlib import Path

import psutil

__all__ = ["Memory"]


class Memory:
    """Measures the total resident memory of an environment's processes, four times a second.

    Shared pages are counted for each process, so the sum is an upper bound.
    """

    def __init__(self, environment: Path) -> None:
        self._prefix = str(environment)
        self.peak = 0
        self.parts: dict[str, int] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._measure_repeatedly, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _measure_repeatedly(self) -> None:
        while not self._stopped.wait(0.25):
            current = dict(self._measure())
            if sum(current.values()) > self.peak:
                self.peak, self.parts = sum(current.values()), current

    def _measure(self):  # type: ignore[no-untyped-def]
        for process in psutil.process_iter(["cmdline", "memory_info", "pid"]):
            arguments = process.info["cmdline"] or [""]
            if arguments[0].startswith(self._prefix) and process.info["memory_info"]:
                name = next(
                    (n for n in _NAMES if any(n in argument for argument in arguments)), "other"
                )
                yield f"{name} {process.info['pid']}", process.info["memory_info"].rss


_NAMES = ("liangxin_nb.sandbox", "ipykernel_launcher", "jupyter")
