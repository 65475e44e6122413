"""Three hundred live cards in one kernel: what they send, and whether a cell still answers."""

import contextlib
import os
import queue
import statistics
import tempfile
import time

from jupyter_client.manager import start_new_kernel

__all__ = ["FIGURES", "Kernel", "messages", "with_cards"]

#: Jobs that never end by themselves, told of a new state twice a second each; nothing is sent.
_CARDS = """
import asyncio, itertools
from liangxin_nb.session.default import get_session
from liangxin_nb.session.job import Job
from liangxin_nb.notebook.widgets.card_factory import make_card
from liangxin_nb.core.request import Request
from liangxin_nb.core.job_record import JobUpdate, JobRecord
here = get_session()
async def wander(job record, tell):
    for phase in itertools.cycle(("waiting", "queuing", "generating")):
        tell(JobUpdate(job record, phase))
        await asyncio.sleep({every})
cards = []
for n in range({count}):
    job record = JobRecord.new(Request("z-image", f"lake {{n}}"), "sandbox", "")
    job = Job(job record, here.loop).start(None, wander)
    card, followed = make_card(job, here)
    followed(job)
    cards.append(card)
"""


class Kernel:
    """A kernel of its own; `run` returns the seconds until a cell has run."""

    def __init__(self, folder):
        env = {**os.environ, "LIANGXIN_FRONTEND": "live", "LIANGXIN_RESULTS": folder}
        self._manager, self._client = start_new_kernel(env=env, cwd=folder)

    def run(self, code):
        before = time.perf_counter()
        # Its reply, not what it shows: of that, messages are dropped when no one reads for long.
        reply = self._client.execute(code, reply=True, timeout=300)
        assert reply["content"]["status"] == "ok", reply["content"]
        return time.perf_counter() - before

    def count(self, seconds):
        """How many messages the kernel's widgets send in that time, and to how many widgets."""
        self.drain()
        end, seen, parts = time.monotonic() + seconds, 0, set()
        while (left := end - time.monotonic()) > 0:
            message = self._next(left)
            if message is not None and message["msg_type"] == "comm_msg":
                seen += 1
                parts.add(message["content"]["comm_id"])
        return seen, len(parts)

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
    """A kernel with that many live cards, each told of a new state every so many seconds."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        kernel = Kernel(folder)
        try:
            kernel.run(_CARDS.format(count=count, every=every))
            yield kernel
        finally:
            kernel.end()


def messages(cards=300, seconds=6.0):
    """Messages a second of 300 cards, beside what a message for each clock and state would be."""
    with with_cards(cards) as kernel:
        seen, _ = kernel.count(seconds)
    return seen / seconds, cards * (1 + 2.0)


def latency(cards=300):
    """Milliseconds of `1 + 1` beside 300 live cards, and in a kernel without any."""
    figures = []
    for count in (cards, 0):
        with with_cards(count) as kernel:
            figures.append(1000 * statistics.median(kernel.run("1 + 1") for _ in range(40)))
    return tuple(figures)


FIGURES = [
    ("300 live cards, messages a second / one for each change", "/s", messages),
    ("1 + 1 beside 300 live cards / in an idle kernel", "ms", latency),
]
