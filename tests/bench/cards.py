"""Benchmark of 300 live cards in one kernel: number of messages, and the delay of a cell."""

import contextlib
import os
import queue
import statistics
import tempfile
import time

from jupyter_client.manager import start_new_kernel

__all__ = ["FIGURES", "Kernel", "messages", "with_cards"]

#: Jobs that never end; each gets a new state at a fixed interval, without any request.
_CARDS = """
import asyncio, itertools
from liangxin_nb.session.default import get_session
from liangxin_nb.session.job import Job
from liangxin_nb.notebook.widgets.card_factory import make_card
from liangxin_nb.core.request import Request
from liangxin_nb.core.job_record import JobUpdate, JobRecord
session = get_session()
async def change_state(record, publish):
    for phase in itertools.cycle(("waiting", "queuing", "generating")):
        publish(JobUpdate(record, phase))
        await asyncio.sleep({every})
cards = []
for n in range({count}):
    record = JobRecord.new(Request("z-image", f"lake {{n}}"), "sandbox", "")
    job = Job(record, session.loop).start(None, change_state)
    card, follow = make_card(job, session)
    follow(job)
    cards.append(card)
"""


class Kernel:
    """A separate kernel; `run` returns the seconds until a cell has finished."""

    def __init__(self, folder):
        env = {**os.environ, "LIANGXIN_FRONTEND": "live", "LIANGXIN_RESULTS": folder}
        self._manager, self._client = start_new_kernel(env=env, cwd=folder)

    def run(self, code):
        before = time.perf_counter()
        # Wait for the reply only; output messages are dropped if they are not read for long.
        reply = self._client.execute(code, reply=True, timeout=300)
        assert reply["content"]["status"] == "ok", reply["content"]
        return time.perf_counter() - before

    def count(self, seconds):
        """Count the messages that the kernel's widgets send in that time, and the widgets."""
        self.drain()
        end, count, widgets = time.monotonic() + seconds, 0, set()
        while (remaining := end - time.monotonic()) > 0:
            message = self._next(remaining)
            if message is not None and message["msg_type"] == "comm_msg":
                count += 1
                widgets.add(message["content"]["comm_id"])
        return count, len(widgets)

    def drain(self):
        while self._next(0.01) is not None:
            pass

    def _next(self, wait):
        try:
            return self._client.get_iopub_msg(timeout=wait)
        except queue.Empty:
            return None

    def end(self):
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)


@contextlib.contextmanager
def with_cards(count, every=0.5):
    """Start a kernel with that many live cards; each changes its state every `every` seconds."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        kernel = Kernel(folder)
        try:
            kernel.run(_CARDS.format(count=count, every=every))
            yield kernel
        finally:
            kernel.end()


def messages(cards=300, seconds=6.0):
    """Messages per second of 300 cards; compared with one message for each tick and state."""
    with with_cards(cards) as kernel:
        count, _ = kernel.count(seconds)
    return count / seconds, cards * (1 + 2.0)


def latency(cards=300):
    """Milliseconds for `1 + 1` with 300 live cards; compared with an idle kernel."""
    figures = []
    for count in (cards, 0):
        with with_cards(count) as kernel:
            figures.append(1000 * statistics.median(kernel.run("1 + 1") for _ in range(40)))
    return tuple(figures)


FIGURES = [
    ("300 live cards, messages per second / one for each change", "/s", messages),
    ("1 + 1 with 300 live cards / in an idle kernel", "ms", latency),
]
