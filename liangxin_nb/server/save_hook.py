"""Write durable outputs into notebooks when Jupyter's server saves them.

A page that was reloaded, closed or opened twice does not receive the end of a job; its notebook
would be saved with a dead widget. The save waits a moment at most: ledgers and pictures are read in
another thread, and what comes too late is written with the next save.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..notebook_files.healing import Found, OutputKey

__all__ = ["SaveHook", "warm_up"]

_DEADLINE_S = 0.15
#: Seconds to wait for a locked ledger or a database, in the other thread.
_LEDGER_TIMEOUT_S = 2.0
#: Seconds after which a wait is worth a line in the log.
_REPORT_AFTER_S = 30.0
_MAX_LOOKUPS = 20_000  # of one save
_MAX_CACHE_BYTES = 64 << 20


class _Cache:
    """The durable forms that were found, the last used ones; of a limited size."""

    def __init__(self) -> None:
        self._found: OrderedDict[tuple[OutputKey, Path | None], Found] = OrderedDict()
        self._bytes, self._lock = 0, threading.Lock()

    def get(self, key: OutputKey, start: Path | None) -> Found | None:
        with self._lock:
            if found := self._found.get((key, start)):
                self._found.move_to_end((key, start))
            return found

    def put(self, key: OutputKey, start: Path | None, found: Found) -> None:
        with self._lock:
            self._remove(key, start)
            self._found[key, start] = found
            self._bytes += _size(found)
            while self._bytes > _MAX_CACHE_BYTES:
                self._remove(*next(iter(self._found)))

    def _remove(self, key: OutputKey, start: Path | None) -> None:
        if found := self._found.pop((key, start), None):
            self._bytes -= _size(found)


def _size(found: Found) -> int:
    return sum(map(len, found.output.data.values()))


class SaveHook:
    """A pre-save hook of a contents manager; it never raises."""

    def __init__(self, log: Any, *, deadline_s: float = _DEADLINE_S) -> None:
        """Create the hook; nothing is read.

        Args:
            log: The server's log.
            deadline_s: Seconds that a save waits.
        """
        self._log, self._deadline_s = log, deadline_s
        self._cache = _Cache()
        self._busy, self._busy_since = threading.Lock(), 0.0
        self._reported: set[str] = set()

    def __call__(
        self, *, model: dict[str, Any], path: str = "", contents_manager: Any = None, **_: Any
    ) -> None:
        """Replace outputs in the notebook that is about to be saved.

        Args:
            model: The contents model; it is changed in place.
            path: The path of the file below the root of the contents manager.
            contents_manager: The contents manager.
        """
        try:
            if model.get("type") == "notebook":
                self._heal(model.get("content"), _folder_of(path, contents_manager))
        except Exception as error:  # whatever is wrong, the notebook must be saved
            self._report(f"outputs of {path!r} were saved as they are ({type(error).__name__})")

    def _heal(self, notebook: Any, start: Path | None) -> None:
        from ..notebook_files.healing import find_outputs, is_settled, replace_outputs
        from ..notebook_files.widget_state import drop_unused_state

        if keys := find_outputs(notebook)[:_MAX_LOOKUPS]:
            cached = {key: item for key in keys if (item := self._cache.get(key, start))}
            # Others may have changed since, and the output of the page may be newer.
            found = {k: item for k, item in cached.items() if is_settled(item.output._asdict())}
            self._look_up([key for key in keys if key not in found], start, found)
            replace_outputs(notebook, dict(found))  # a copy: the other thread may add more
        drop_unused_state(notebook)

    def _look_up(
        self, keys: Sequence[OutputKey], start: Path | None, found: dict[OutputKey, Found]
    ) -> None:
        """Add outputs, in another thread; wait for it until the deadline."""
        if not keys:
            return
        if not self._busy.acquire(blocking=False):
            # The thread of an earlier save is still waiting for a ledger or a disk.
            if time.monotonic() - self._busy_since > _REPORT_AFTER_S:
                self._report("a ledger or results folder does not answer; outputs stay as they are")
            return
        self._busy_since = time.monotonic()
        done = threading.Event()

        def work() -> None:
            try:
                for key, item in self._read(keys, start):
                    self._cache.put(key, start, item)
                    found[key] = item
            except Exception as error:  # a thread that fails must not print its traceback
                self._report(f"results cannot be looked up ({type(error).__name__})")
            finally:
                self._busy.release()
                done.set()

        threading.Thread(target=work, name="liangxin_nb outputs", daemon=True).start()
        self._wait(done)

    def _wait(self, done: threading.Event) -> None:
        done.wait(self._deadline_s)

    def _read(
        self, keys: Sequence[OutputKey], start: Path | None
    ) -> Iterator[tuple[OutputKey, Found]]:
        from ..errors import LedgerError
        from ..notebook_files.job_lookup import look_up
        from ..notebook_files.registry import registered

        problems: list[LedgerError] = []
        yield from look_up(
            keys, registered(), start=start, timeout_s=_LEDGER_TIMEOUT_S, problems=problems
        )
        for problem in problems:
            self._report(str(problem))

    def _report(self, problem: str) -> None:
        """Write one line into the server's log, once for each problem."""
        if problem not in self._reported and len(self._reported) < 100:
            self._reported.add(problem)
            self._log.warning("liangxin_nb: %s", problem)


def warm_up(is_stopped: Callable[[float], bool], interval_s: float = 2.0) -> None:
    """Import what the hook needs, once a kernel has registered its ledger, also an earlier one.

    The imports take longer than a save waits, and users without such kernels need none.

    Args:
        is_stopped: Waits the seconds that it is called with; returns whether to end.
        interval_s: Seconds between two looks.
    """
    from ..notebook_files.registry import last_registration

    while not is_stopped(interval_s):
        if last_registration():
            from ..notebook_files import job_lookup

            _ = job_lookup
            return


def _folder_of(path: str, contents_manager: Any) -> Path | None:
    """Return the folder of a notebook; None if it is not a file of this machine."""
    root = getattr(contents_manager, "root_dir", "")
    with suppress(OSError, TypeError, ValueError):
        folder = (Path(root) / path.strip("/")).parent
        if root and folder.is_dir():
            return folder
    return None
