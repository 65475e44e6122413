"""How much memory an environment's processes take together, at the worst moment."""

from __future__ import annotations

import threading
from pathlib import Path

import psutil

__all__ = ["Memory"]


class Memory:
    """Adds up the resident memory of every process of an environment, four times a second.

    Pages that several processes share are counted for each, so the sum is rather too high.
    """

    def __init__(self, place: Path) -> None:
        self._place = str(place)
        self.peak = 0
        self.parts: dict[str, int] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.25):
            now = dict(self._now())
            if sum(now.values()) > self.peak:
                self.peak, self.parts = sum(now.values()), now

    def _now(self):  # type: ignore[no-untyped-def]
        for process in psutil.process_iter(["cmdline", "memory_info", "pid"]):
            words = process.info["cmdline"] or [""]
            if words[0].startswith(self._place) and process.info["memory_info"]:
                name = next((n for n in _NAMES if any(n in w for w in words)), "other")
                yield f"{name} {process.info['pid']}", process.info["memory_info"].rss


_NAMES = ("liangxin_nb.sandbox", "ipykernel_launcher", "jupyter")
